/** Define <latchkey-sign-in>, and export what an app can use beside it. */

import { LatchkeySignIn } from './element.js'

export { LatchkeySignIn }
export { attempt, withinTime } from './form.js'
export { showButton } from './views.js'
export { choose, duration, explain, LANGUAGES, reasonOf, say } from './steps.js'

if (!customElements.get('latchkey-sign-in')) customElements.define('latchkey-sign-in', LatchkeySignIn)
