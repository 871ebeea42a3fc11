/** Take the pictures of the sample page in docs/images/: `make browser SCREENSHOTS=1`. */

import { execFileSync } from 'node:child_process'
import { rmSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { codeFor, newContext, newUser, PAGES, PASSWORD } from './support.js'

const DEVICES = {
  desktop: { viewport: { width: 560, height: 620 } },
  phone: { viewport: { width: 320, height: 600 } },
}
const SCHEMES = { light: { locale: 'en-US' }, dark: { locale: 'zh-CN' } }

// The pages have few colours: with a palette, the pictures take half the space.
const SQUEEZE = `
import sys
from PIL import Image
for path in sys.argv[1:]:
    Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
`

const pictures = () => readdirSync(process.env.IMAGES).filter((name) => name.startsWith('page-')).map((name) => join(process.env.IMAGES, name))
for (const path of pictures()) rmSync(path)
after(() => execFileSync(join(import.meta.dirname, '../../.venv/bin/python'), ['-c', SQUEEZE, ...pictures()]))

for (const [device, size] of Object.entries(DEVICES)) {
  for (const [colorScheme, { locale }] of Object.entries(SCHEMES)) {
    test(`pictures: ${device}, ${colorScheme}`, async () => {
      const user = await newUser({ name: 'Ada Lovelace', username: `ada_${device}_${colorScheme}`, address: `ada.${device}.${colorScheme}@example.com` })
      const context = await newContext({ locale, timezoneId: 'UTC', deviceScaleFactor: 1.5, colorScheme, ...size })
      const page = await context.newPage()
      const picture = async (name) => {
        await page.waitForLoadState('networkidle')
        const path = join(process.env.IMAGES, `page-${name}-${colorScheme}-${device}.png`)
        await page.screenshot({ path, fullPage: true, animations: 'disabled', caret: 'hide' })
      }
      const submit = (view) => page.locator(`[data-view=${view}] form button:not([type=button])`).click()
      await page.goto(`${PAGES}/sample/`)
      for (const view of ['sign-in', 'sign-in-by-code', 'register', 'forgot']) {
        await page.evaluate((hash) => (location.hash = hash), view)
        await page.locator(`[data-view=${view}]`).waitFor()
        await picture(view)
      }
      await page.locator('[data-view=forgot] [name=email]').fill(user.email)
      await submit('forgot')
      await page.locator('[data-view=code] [data-state=sent]').waitFor()
      await page.locator('[name=code]').fill(await codeFor(user.email, { mails: 2 }))
      await picture('code')
      await page.goBack()
      await page.evaluate(() => (location.hash = 'sign-in'))
      await page.locator('[data-view=sign-in] [name=username]').fill(user.email)
      await page.locator('[data-view=sign-in] [name=password]').fill(PASSWORD)
      await submit('sign-in')
      await page.locator('#account').waitFor()
      await picture('account')
      await page.locator('#security summary').click()
      await page.locator('#history li').first().waitFor()
      await picture('devices')
      await page.locator('details', { has: page.locator('[data-action=deleteAccount]') }).locator('summary').click()
      await picture('delete')
      await context.close()
    })
  }
}
