// In a project with Vite, `isCustomElement` goes into the options of its plugin for Vue.
import cloudbase from '@cloudbase/js-sdk'
import 'latchkey-sign-in'
import { createApp, markRaw } from 'vue'

const api = new URL(API_URL) // the address of your Latchkey
const sdk = cloudbase.init({ env: 'vue-app', endPointMode: 'CLOUD_API', lang: 'en-US' })
sdk.registerEndPoint(`//${api.host}`, api.protocol)

const app = createApp({
  // markRaw: the SDK must not become reactive.
  data: () => ({ auth: markRaw(sdk.auth({ persistence: 'local' })), user: null }),
  template: `
    <main>
      <latchkey-sign-in ref="widget" :auth.prop="auth" language="en" v-show="!user"
        @latchkey-signed-in="user = $event.detail.user" @latchkey-signed-out="user = null"></latchkey-sign-in>
      <template v-if="user">
        <h1>Hello {{ user.email }}</h1>
        <button @click="$refs.widget.signOut()">Sign out</button>
      </template>
    </main>`,
})
app.config.compilerOptions.isCustomElement = (tag) => tag === 'latchkey-sign-in'
app.mount('#app')
