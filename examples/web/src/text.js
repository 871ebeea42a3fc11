/** The words of the page, in each language. `t` fills in values such as `{name}`. */

const texts = {
  'en-US': {
    signIn: 'Sign in',
    signInLink: 'I have an account: sign in',
    signInByCode: 'Sign in with a code',
    signInByPassword: 'Sign in with a password',
    register: 'Create an account',
    registerLink: 'New here? Create an account',
    forgot: 'Forgotten password',
    forgotHelp: 'We mail you a code. You can then choose a new password.',
    addressOrName: 'E-mail address or user name',
    address: 'E-mail address',
    password: 'Password',
    newPassword: 'New password',
    passwordRule: '8 to 32 characters, with a letter and a digit',
    name: 'Name',
    optional: '(optional)',
    mailCode: 'Mail me a code',
    enterCode: 'Enter the code',
    codeSentTo: 'We mailed it to',
    code: 'Code',
    codeRule: 'The digits from the mail',
    codeHelp: 'It is valid for {minutes} minutes. If no mail comes, look into your spam folder.',
    continue: 'Continue',
    back: 'Back',
    resend: 'Mail another code',
    resendIn: 'Another code in {seconds} s',
    resent: 'Another code is on its way. It may look the same as the first.',
    undelivered: 'We could not reach this mailbox. Check the address, or use another one.',
    greeting: 'Hello {name}',
    hello: 'Hello',
    profile: 'Name and user name',
    userName: 'User name',
    userNameRule: '5 to 24 letters, digits, _ or -. You can sign in with it.',
    save: 'Save',
    saved: 'Saved.',
    changeAddress: 'Change address',
    newAddress: 'New e-mail address',
    mailCodeThere: 'Mail a code to the new address',
    addressChanged: 'Your address is now {address}. Other devices were signed out.',
    changePassword: 'Change password',
    setPassword: 'Set a password',
    passwordChanged: 'Your password is changed. Other devices were signed out.',
    proveByCode: 'As you have no password, we first mail a code to your address to see that it is you.',
    devices: 'Devices and history',
    history: 'What happened',
    thisDevice: 'this device',
    lastUsed: 'last used {time}',
    signOutDevice: 'Sign out',
    deviceSignedOut: 'The device is signed out.',
    unknownDevice: 'Unknown device',
    signOutEverywhere: 'Sign out everywhere',
    signedOutEverywhere: 'You are signed out on every device.',
    deleteAccount: 'Delete account',
    deleteHelp: 'Your account, its devices and its history are removed at once and for good.',
    deleteForever: 'Delete for good',
    deleted: 'Your account is deleted.',
    signOut: 'Sign out',
    signedOut: 'You are signed out.',
    hadAccount: 'You had an account already, so we signed you in. Its password is unchanged.',
    welcome: 'Your account is ready.',
    passwordSet: 'Your new password is set.',
    offline: 'The service can’t be reached. Check your connection.',
    retry: 'Try again',
    slow: 'This takes longer than usual…',
    USER_LOGIN: 'Signed in',
    PASSWORD_CHANGED: 'Password changed',
    PASSWORD_RESET: 'Password reset by a mailed code',
    ADDRESS_CHANGED: 'Address changed',
    DEVICE_REVOKED: 'Another device signed out',
    SESSIONS_REVOKED: 'Signed out on every device',
    REFRESHED_ELSEWHERE: 'A session went on on another device',
    REFRESH_TOKEN_REUSED: 'Signed out: somebody may have copied the session',
    WRONG_PASSWORD_OR_CODE: {
      strangers: 'Wrong passwords or codes on devices that this account does not know: {count}',
      device: 'Wrong passwords or codes on devices that this account knows: {count}',
      session: 'Wrong passwords or codes by somebody who is signed in: {count}',
    },
    errors: {
      invalid_username_or_password: 'Address or password is wrong. If you forgot the password, sign in with a code.',
      invalid_password: 'The password is wrong.',
      invalid_verification_code: 'The code is wrong. Look at the newest mail from us.',
      verification: 'This code can’t be used any more. Ask for another one.',
      not_found: 'There is no account with this address. Check it, or create an account.',
      failed_precondition: 'This address or user name belongs to somebody already. Choose another one.',
      resource_exhausted: 'Too many tries. Wait {wait}, then try again.',
      unauthenticated: 'Your session has ended. Sign in again.',
      sudo_needed: 'Please prove again that it is you.',
      login_type_disabled: 'Only e-mail addresses and user names can be used here.',
      unreachable: 'The service can’t be reached. Check your connection, then try again.',
      password: 'Choose another password: 8 to 32 characters, with a letter and a digit, not easy to guess, and neither your address nor the present one.',
      unavailable: 'The service is busy. Try again in a moment.',
    },
    seconds: '{n} seconds',
    minutes: '{n} minutes',
    hours: '{n} hours',
  },
  'zh-CN': {
    signIn: '登录',
    signInLink: '已有账号？去登录',
    signInByCode: '验证码登录',
    signInByPassword: '密码登录',
    register: '注册账号',
    registerLink: '还没有账号？去注册',
    forgot: '忘记密码',
    forgotHelp: '我们会发送一封验证码邮件，凭验证码设置新密码。',
    addressOrName: '邮箱或用户名',
    address: '邮箱',
    password: '密码',
    newPassword: '新密码',
    passwordRule: '8 至 32 个字符，须同时包含字母和数字',
    name: '昵称',
    optional: '（选填）',
    mailCode: '发送验证码',
    enterCode: '输入验证码',
    codeSentTo: '验证码已发送至',
    code: '验证码',
    codeRule: '邮件中的数字',
    codeHelp: '验证码 {minutes} 分钟内有效。如未收到邮件，请查看垃圾邮件箱。',
    continue: '继续',
    back: '返回',
    resend: '重新发送验证码',
    resendIn: '{seconds} 秒后可重新发送',
    resent: '验证码已重新发送，可能与上一封相同。',
    undelivered: '邮件无法送达该邮箱。请检查地址，或换一个邮箱。',
    greeting: '你好，{name}',
    hello: '你好',
    profile: '昵称和用户名',
    userName: '用户名',
    userNameRule: '5 至 24 个字母、数字、_ 或 -，可用于登录。',
    save: '保存',
    saved: '已保存。',
    changeAddress: '更换邮箱',
    newAddress: '新邮箱',
    mailCodeThere: '向新邮箱发送验证码',
    addressChanged: '邮箱已更换为 {address}，其他设备已退出登录。',
    changePassword: '修改密码',
    setPassword: '设置密码',
    passwordChanged: '密码已修改，其他设备已退出登录。',
    proveByCode: '你还没有密码，我们先向你的邮箱发送验证码，确认是你本人。',
    devices: '设备和历史记录',
    history: '历史记录',
    thisDevice: '本设备',
    lastUsed: '上次使用：{time}',
    signOutDevice: '退出',
    deviceSignedOut: '该设备已退出登录。',
    unknownDevice: '未知设备',
    signOutEverywhere: '退出所有设备',
    signedOutEverywhere: '你已在所有设备上退出登录。',
    deleteAccount: '注销账号',
    deleteHelp: '你的账号、设备和历史记录将立即永久删除。',
    deleteForever: '永久注销',
    deleted: '账号已注销。',
    signOut: '退出登录',
    signedOut: '你已退出登录。',
    hadAccount: '你已有账号，已为你登录，原密码未改变。',
    welcome: '注册成功。',
    passwordSet: '新密码已设置。',
    offline: '无法连接服务，请检查网络。',
    retry: '重试',
    slow: '响应较慢，请稍候…',
    USER_LOGIN: '登录',
    PASSWORD_CHANGED: '修改密码',
    PASSWORD_RESET: '通过验证码重置密码',
    ADDRESS_CHANGED: '更换邮箱',
    DEVICE_REVOKED: '让另一台设备退出登录',
    SESSIONS_REVOKED: '在所有设备上退出登录',
    REFRESHED_ELSEWHERE: '登录状态在另一台设备上继续使用',
    REFRESH_TOKEN_REUSED: '已退出：会话可能被他人复制',
    WRONG_PASSWORD_OR_CODE: {
      strangers: '陌生设备上输错密码或验证码 {count} 次',
      device: '已知设备上输错密码或验证码 {count} 次',
      session: '登录状态下输错密码或验证码 {count} 次',
    },
    errors: {
      invalid_username_or_password: '账号或密码错误。如忘记密码，可用验证码登录。',
      invalid_password: '密码错误。',
      invalid_verification_code: '验证码错误，请查看最新的邮件。',
      verification: '验证码已失效，请重新获取。',
      not_found: '该邮箱没有注册，请检查，或注册账号。',
      failed_precondition: '该邮箱或用户名已被使用，请换一个。',
      resource_exhausted: '操作过于频繁，请在{wait}后重试。',
      unauthenticated: '登录已失效，请重新登录。',
      sudo_needed: '请再次确认是你本人。',
      login_type_disabled: '仅支持邮箱或用户名登录。',
      unreachable: '无法连接服务，请检查网络后重试。',
      password: '请换一个密码：8 至 32 个字符，须同时包含字母和数字，不能过于常见，也不能与邮箱或当前密码相同。',
      unavailable: '服务繁忙，请稍后重试。',
    },
    seconds: ' {n} 秒',
    minutes: ' {n} 分钟',
    hours: ' {n} 小时',
  },
}

const preferred = navigator.language.startsWith('zh') ? 'zh-CN' : 'en-US'
export let language = localStorage.getItem('language') ?? preferred

/** Set the language of `t`, and of all elements that have the attribute data-text or data-title. */
export function speak(wanted = language) {
  if (wanted !== language) localStorage.setItem('language', wanted)
  language = texts[wanted] ? wanted : 'en-US'
  document.documentElement.lang = language
  for (const element of document.querySelectorAll('[data-text]')) element.textContent = t(element.dataset.text)
  for (const element of document.querySelectorAll('[data-title]')) element.title = t(element.dataset.title)
}

/** Return the text of a key such as `save` or `errors.not_found`. */
export function t(key, values = {}) {
  const text = key.split('.').reduce((found, part) => found?.[part], texts[language])
  return text?.replace(/\{(\w+)\}/g, (_, name) => values[name])
}

/** Return a time in the format of the reader's language. */
export const time = (iso) => new Date(iso).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' })

/** Return what went wrong and what the reader can do about it. */
export function explain(error) {
  // The newer methods of the SDK give an AuthError. The older ones give the server's own object.
  const description = error.error_description ?? error.message ?? ''
  const name = error.code ?? error.error
  const wait = error.retryAfter ?? error.retry_after ?? 60
  if (/password/i.test(description) && name === 'invalid_argument') return t('errors.password')
  if (/verification/i.test(description) && name === 'invalid_argument') return t('errors.verification')
  if (/sudo/i.test(description)) return t('errors.sudo_needed')
  return t(`errors.${name}`, { wait: duration(wait) }) ?? (description || t('errors.unavailable'))
}

function duration(seconds) {
  if (seconds <= 120) return t('seconds', { n: seconds })
  if (seconds <= 7200) return t('minutes', { n: Math.ceil(seconds / 60) })
  return t('hours', { n: Math.ceil(seconds / 3600) })
}
