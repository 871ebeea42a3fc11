/** The SDK, set up for Latchkey instead of CloudBase. Nothing else in an app has to change. */

import cloudbase from '@cloudbase/js-sdk/app'
import '@cloudbase/js-sdk/auth'

let app

/** `lang` is the language of the page, such as 'en' or 'zh-CN'. The SDK asks for mails in it. */
export function connect(lang) {
  const api = new URL(API_URL) // for example https://login.example.com
  // These three lines, in this order, work with every version of the SDK.
  app = cloudbase.init({ env: 'latchkey', endPointMode: 'CLOUD_API', lang })
  app.registerEndPoint(`//${api.host}`, api.protocol)
  return app.auth({ persistence: 'local' })
}

export const setLanguage = (lang) => app.updateLang(lang)
