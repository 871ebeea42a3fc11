/** Take the pictures of the sample page, the inbox and the desk in docs/images/: `make browser SCREENSHOTS=1`. */

import { execFileSync } from 'node:child_process'
import { rmSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ask, codeFor, DESK, INBOX, newContext, newUser, opens, PAGES, PASSWORD } from './support.js'

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

const pictures = () => readdirSync(process.env.IMAGES).filter((name) => /^(page|inbox|desk)-/.test(name)).map((name) => join(process.env.IMAGES, name))
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

test('pictures: the inbox', async () => {
  const email = 'inbox-ada@example.com'
  await ask('POST', '/v1/verification', { body: { email } })
  const code = await codeFor(email)
  for (const [name, options] of Object.entries({
    'light-desktop': { colorScheme: 'light', viewport: { width: 1000, height: 700 } },
    'dark-phone': { colorScheme: 'dark', viewport: { width: 320, height: 1200 } }, // a frame below it stays blank
  })) {
    const context = await newContext({ locale: 'en-US', timezoneId: 'UTC', ...options })
    const page = await context.newPage()
    await page.goto(INBOX)
    await page.getByLabel('To').fill(email)
    await page.getByText('1 mail.').waitFor()
    await page.frameLocator('iframe').getByText(code).first().waitFor()
    const path = join(process.env.IMAGES, `inbox-${name}.png`)
    await page.screenshot({ path, fullPage: true, animations: 'disabled', caret: 'hide' })
    await context.close()
  }
})

test('pictures: the desk', async () => {
  for (const name of ['Alan Turing', 'Grace Hopper', 'Ada Lovelace']) {
    const [first] = name.toLowerCase().split(' ')
    await newUser({ name, username: `desk_${first}`, address: `team-${first}@example.com` })
  }
  const email = 'team-ada@example.com'
  await opens(email, 'wrong-password-1')
  await ask('POST', '/v1/verification', { body: { email } })
  await codeFor(email, { mails: 2 })
  const context = await newContext({ locale: 'en-US', timezoneId: 'UTC', viewport: { width: 900, height: 320 } })
  const page = await context.newPage()
  const draw = (name) => {
    const path = join(process.env.IMAGES, `desk-${name}.png`)
    return page.screenshot({ path, fullPage: true, animations: 'disabled', caret: 'hide' })
  }
  await page.goto(DESK)
  await page.getByLabel('Begins with').fill('team-')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText('Shown: 3').waitFor()
  await draw('users')
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.getByRole('link', { name: email }).click()
  await page.getByRole('heading', { name: email }).waitFor()
  await draw('user')
  await context.close()
})
