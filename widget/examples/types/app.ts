// What a program in TypeScript does with the widget; a test compiles it.
import { explain, LANGUAGES, type LatchkeySignIn, type View } from 'latchkey-sign-in'
import { findCode, Steps, type Auth } from 'latchkey-sign-in/steps'

declare const auth: Auth

const widget: LatchkeySignIn = document.createElement('latchkey-sign-in')
widget.auth = auth
widget.language = 'de'
widget.texts = (reason, { shortest }) => (reason === 'password_length' ? `At least ${shortest}` : undefined)
widget.purposes = {
  async payOut(_, { verification_token, data }) {
    console.log(verification_token, data.amount)
  },
}
widget.addEventListener('latchkey-signed-in', ({ detail }) => console.log(detail.user.id, detail.how))
widget.addEventListener('latchkey-error', ({ detail }) => console.log(detail.reason, explain(detail.error, 'en')))
widget.addEventListener('latchkey-view', ({ detail }) => {
  const view: View = detail.view
  console.log(view, LANGUAGES.ja)
})
void widget.enterCode({ purpose: 'payOut', email: 'ada@example.com', target: 'CUR_USER', data: { amount: 5 } })

const steps = new Steps({ auth, storage: sessionStorage })
void steps.register({ email: 'ada@example.com' }).then(({ expiresAt }) => console.log(expiresAt - Date.now()))
void steps.redeem({ code: findCode('123 456'), password: 'correct-horse-1' })

// @ts-expect-error there is no such view
widget.view = 'elsewhere'
// @ts-expect-error nor such a language
widget.language = 'xx'
