/** Take the pictures in docs/images/: `make browser SCREENSHOTS=1`. */

import { test } from 'node:test'
import { join } from 'node:path'
import { codeFor, newContext, newUser, PAGES, PASSWORD } from './support.js'

const DESKTOP = { width: 520, height: 560 }
const PHONE = { width: 360, height: 640 }

async function picture(name, options, prepare) {
  const context = await newContext({ locale: 'en-US', timezoneId: 'UTC', deviceScaleFactor: 2, ...options })
  const page = await context.newPage()
  await page.goto(`${PAGES}/sample/`)
  await page.locator('#sign-in').waitFor()
  await prepare(page)
  await page.waitForLoadState('networkidle')
  await page.screenshot({ path: join(process.env.IMAGES, `page-${name}.png`), fullPage: true, animations: 'disabled', caret: 'hide' })
  await context.close()
}

async function signIn(page, user) {
  await page.locator('#sign-in [name=username]').fill(user.email)
  await page.locator('#sign-in [name=password]').fill(PASSWORD)
  await page.locator('#sign-in form button').click()
  await page.locator('#account').waitFor()
}

for (const [suffix, options] of [['light', { viewport: DESKTOP }], ['dark', { viewport: DESKTOP, colorScheme: 'dark' }], ['phone', { viewport: PHONE, locale: 'zh-CN' }]]) {
  test(`pictures: ${suffix}`, async () => {
    const user = await newUser({ name: 'Ada Lovelace', username: 'ada_' + suffix, address: `ada-${suffix}@example.com` })
    await picture(`sign-in-${suffix}`, options, async () => {})
    await picture(`code-${suffix}`, options, async (page) => {
      await page.evaluate(() => (location.hash = 'sign-in-by-code'))
      await page.locator('#sign-in-by-code [name=email]').fill(user.email)
      await page.locator('#sign-in-by-code form button').click()
      await page.locator('#code').waitFor()
      await page.locator('#code [name=code]').fill(await codeFor(user.email, { mails: 2 }))
    })
    await picture(`account-${suffix}`, options, async (page) => {
      await signIn(page, user)
      await page.locator('#security summary').click()
      await page.locator('#history li').first().waitFor()
    })
  })
}
