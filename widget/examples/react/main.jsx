// React 19 sets the properties of custom elements, and listens to their events as on<name>.
import cloudbase from '@cloudbase/js-sdk'
import 'latchkey-sign-in'
import { useState } from 'react'
import { createRoot } from 'react-dom/client'

const api = new URL(API_URL) // the address of your Latchkey
const app = cloudbase.init({ env: 'react-app', endPointMode: 'CLOUD_API', lang: 'en-US' })
app.registerEndPoint(`//${api.host}`, api.protocol)
const auth = app.auth({ persistence: 'local' })

function App() {
  const [user, setUser] = useState(null)
  return (
    <main>
      <latchkey-sign-in
        auth={auth}
        language="en"
        hidden={Boolean(user)}
        onlatchkey-signed-in={({ detail }) => setUser(detail.user)}
        onlatchkey-signed-out={() => setUser(null)}
      />
      {user && <Account user={user} />}
    </main>
  )
}

function Account({ user }) {
  return (
    <>
      <h1>Hello {user.email}</h1>
      <button onClick={() => document.querySelector('latchkey-sign-in').signOut()}>Sign out</button>
    </>
  )
}

createRoot(document.getElementById('app')).render(<App />)
