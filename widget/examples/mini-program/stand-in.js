// A stand-in for the parts of WeChat's runtime that the SDK's adapter and sign-in.js use, to run them in a browser:
// WeChat's own runtime is in no package registry. What it draws from sign-in.wxml is not run here.
const kept = new Map()
globalThis.wx = {
  getSystemInfoSync: () => ({ AppPlatform: 'wechat', platform: 'devtools' }),
  getAccountInfoSync: () => ({ miniProgram: { appId: 'wx0000000000000000' } }),
  getStorageSync: (key) => kept.get(key) ?? '',
  setStorageSync: (key, value) => kept.set(key, value),
  removeStorageSync: (key) => kept.delete(key),
  clearStorageSync: () => kept.clear(),
  connectSocket: () => {},
  onAppShow: () => {},
  request({ url, data, method, header, success, fail, complete }) {
    const body = typeof data === 'string' || data === undefined ? data : JSON.stringify(data)
    const chunks = []
    fetch(url, { method, headers: header, body: method === 'GET' ? undefined : body })
      .then(async (answer) => {
        const bytes = await answer.arrayBuffer()
        for (const each of chunks) each({ data: bytes })
        const text = new TextDecoder().decode(bytes)
        const headers = Object.fromEntries(answer.headers)
        success?.({ statusCode: answer.status, header: headers, data: JSON.parse(text), errMsg: 'request:ok' })
        complete?.({ errMsg: 'request:ok' })
      })
      .catch((error) => (fail ?? complete)?.({ errMsg: `request:fail ${error.message}` }))
    return { abort() {}, onHeadersReceived() {}, offHeadersReceived() {}, onChunkReceived: (each) => chunks.push(each), offChunkReceived() {} }
  },
}
globalThis.Page = (page) => {
  page.setData = (data) => Object.assign(page.data, data)
  globalThis.page = page
  page.onLoad()
}
