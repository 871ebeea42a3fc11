/** The SDK, pointed at Latchkey instead of CloudBase. Nothing else of an app has to change. */

import cloudbase from '@cloudbase/js-sdk/app'
import '@cloudbase/js-sdk/auth'

/** `lang` is the language of the mails: 'en-US' or 'zh-CN'. */
export function connect(lang) {
  const api = new URL(API_URL) // such as https://login.example.com
  // These three lines, in this order, work with every version of the SDK.
  const app = cloudbase.init({ env: 'latchkey', endPointMode: 'CLOUD_API', lang })
  app.registerEndPoint(`//${api.host}`, api.protocol)
  return app.auth({ persistence: 'local' })
}
