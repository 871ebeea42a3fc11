/** The steps of signing in, without a screen. */

/** What the steps need of the SDK's `auth`. */
export interface Auth {
  signIn(params: { username: string; password?: string; verification_token?: string }): Promise<unknown>
  signUp(params: any): Promise<unknown>
  signOut(params?: any): Promise<any>
  verify(params: any): Promise<any>
  getVerification(params: any): Promise<any>
  resetPassword(params: any): Promise<unknown>
  getSession(): Promise<any>
  getUser(params?: any): Promise<any>
  refreshUser(): Promise<any>
  hasLoginState(): any
}

export type Language = 'en' | 'zh-CN' | 'ja' | 'es' | 'de' | 'fr'

/** The code that a person has been asked for. Times are in milliseconds since 1970. */
export interface Pending {
  purpose: string
  email: string
  id: string
  isUser: boolean
  choosesPassword: boolean
  expiresAt: number
  retryAt: number
  delivery: 'queued' | 'sent' | 'delivered' | 'lost'
  data: Record<string, unknown>
}

/** A mailbox that its owner has proven by a code. */
export interface Proof extends Pending {
  verification_token: string
  verification_code: string
}

/** What to do with a proven mailbox. `typed.password` is the password that was chosen beside the code. */
export type Purpose = (auth: any, proof: Proof, typed: { password?: string }) => Promise<unknown>

export interface CodeRequest {
  /** A name in `purposes`. */
  purpose: string
  email: string
  target?: 'ANY' | 'USER' | 'NOT_USER' | 'CUR_USER'
  /** Given to the purpose. It is kept in sessionStorage until the code is dead, so it must hold no password. */
  data?: Record<string, unknown>
  /** Ask for a new password beside the code. */
  choosesPassword?: boolean
}

export class Steps {
  constructor(options: {
    auth: Auth
    storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
    purposes?: Record<string, Purpose>
  })
  /** The code that is asked for, or null. */
  pending: Pending | null
  signIn(typed: { username: string; password: string }): Promise<void>
  signInByCode(typed: { email: string }): Promise<Pending>
  register(typed: { email: string; name?: string }): Promise<Pending>
  forgot(typed: { email: string }): Promise<Pending>
  askCode(request: CodeRequest): Promise<Pending>
  /** Mail another code. It is refused before `pending.retryAt`. */
  resend(): Promise<void>
  /** Redeem the code. Resolves to 'signedIn', 'hadAccount', 'welcome', 'passwordSet', or what an own purpose returns. */
  redeem(typed: { code: string; password?: string }): Promise<any>
  back(): void
  leave(): void
  /** Follow the mail; `tell` gets each new state. */
  follow(tell: (delivery: Pending['delivery']) => void): Promise<void>
}

/** Return the code in a text that was typed or pasted, or ''. */
export function findCode(text: string): string
/** Return the word for an error: its `reason`, the field that it is about, or its `error`. */
export function reasonOf(error: unknown): string
/** Return how many seconds to wait before the next try, if the error says so. */
export function waitOf(error: unknown): number | undefined
/** Return what went wrong and what the reader can do about it. `own` may have another text. */
export function explain(error: unknown, language: Language, own?: OwnText): string
export type OwnText = (reason: string, values: Record<string, unknown>) => string | undefined
/** Return the language that fits the wanted ones best. */
export function choose(wanted: readonly string[]): Language
/** Return seconds in words: '42 seconds'. */
export function duration(seconds: number, language: Language): string
/** Return the text of a key such as 'errors.email', with its `{name}`s filled in. */
export function say(words: object, key: string, values?: Record<string, unknown>): string | undefined
export const LANGUAGES: Readonly<Record<Language, string>>
