import type { Auth, CodeRequest, Language, OwnText, Pending, Purpose } from './steps.js'

export type { Auth, CodeRequest, Language, OwnText, Pending, Proof, Purpose } from './steps.js'
export { choose, duration, explain, LANGUAGES, reasonOf, say } from './steps.js'

export type View = 'loading' | 'unreachable' | 'sign-in' | 'sign-in-by-code' | 'register' | 'forgot' | 'code' | 'signed-in'

export interface SignedIn {
  /** The user, as the SDK describes it. */
  user: any
  /** 'session' if the user was signed in before. */
  how: 'session' | 'password' | 'signedIn' | 'hadAccount' | 'welcome' | 'passwordSet'
  /** What to tell the user, or ''. */
  notice: string
}

export interface Failure {
  error: unknown
  reason: string
  /** What the widget tells the user. */
  text: string
}

export interface LatchkeyEvents {
  'latchkey-signed-in': CustomEvent<SignedIn>
  'latchkey-signed-out': CustomEvent<Record<string, never>>
  'latchkey-error': CustomEvent<Failure>
  'latchkey-view': CustomEvent<{ view: View; title?: string }>
}

export class LatchkeySignIn extends HTMLElement {
  /** The SDK's `auth`. Without it, the widget makes one from `api` and `client-id`. */
  auth: Auth | undefined
  /** The SDK, for the attribute `api`. Without it, the global `cloudbase` is used. */
  sdk: any
  language: Language
  /** The open view. Set it to one of the forms to open that. */
  view: View
  /** The heading of the open view. */
  readonly heading: string | undefined
  readonly pending: Pending | null
  /** The properties of an input for a new password, in the words of the language. */
  readonly passwordRule: { title: string; minLength: number; maxLength: number; pattern?: string }
  readonly user: any
  /** What the app does with the codes that it asks for by `enterCode`. */
  purposes: Record<string, Purpose>
  /** The app's own texts for errors. */
  texts: OwnText | undefined
  start(): Promise<void>
  show(view: View, notice?: string): void
  back(): void
  /** Mail a code and ask for it. */
  enterCode(request: CodeRequest): Promise<void>
  signOut(): Promise<void>
  /** Show the sign-in view, because the session has ended. */
  signedOut(notice?: string): void
  addEventListener<K extends keyof LatchkeyEvents>(type: K, listener: (event: LatchkeyEvents[K]) => void, options?: boolean | AddEventListenerOptions): void
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void
}

/** Do the action of a form, one at a time; what goes wrong is told in its element `.message`. */
export function attempt(
  form: HTMLFormElement,
  action: () => Promise<unknown>,
  texts: { slow: string; failed: (error: unknown) => string },
): Promise<void>
/** Reject after 35 seconds. */
export function withinTime<T>(promise: Promise<T>): Promise<T>
/** Return a button that shows and hides the password in the same element. */
export function showButton(label: string): HTMLButtonElement

declare global {
  interface HTMLElementTagNameMap {
    'latchkey-sign-in': LatchkeySignIn
  }
}
