// pages/sign-in/sign-in.js: a mini-program has no custom elements, so it draws the steps itself.
import adapter from '@cloudbase/adapter-wx_mp'
import cloudbase from '@cloudbase/js-sdk'
import { explain, findCode, Steps } from 'latchkey-sign-in/steps'

cloudbase.useAdapters(adapter)
const api = API_URL.match(/^(\w+:)\/\/([^/]+)/) // the address of your Latchkey; there is no URL here
const app = cloudbase.init({ env: 'mini-program', endPointMode: 'CLOUD_API', lang: 'zh-CN' })
app.registerEndPoint(`//${api[2]}`, api[1])
const auth = app.auth({ persistence: 'local' })

const storage = {
  getItem: (key) => wx.getStorageSync(key),
  setItem: (key, value) => wx.setStorageSync(key, value),
  removeItem: (key) => wx.removeStorageSync(key),
}

Page({
  data: { step: 'address', email: '', code: '', message: '', busy: false },

  onLoad() {
    this.steps = new Steps({ auth, storage })
    // The code step outlives the visit to the mail app.
    if (this.steps.pending) this.setData({ step: 'code', email: this.steps.pending.email })
  },

  typed({ currentTarget, detail }) {
    this.setData({ [currentTarget.dataset.field]: detail.value })
  },

  mailCode() {
    return this.attempt(async () => {
      await this.steps.signInByCode({ email: this.data.email })
      this.setData({ step: 'code' })
    })
  },

  redeem() {
    return this.attempt(async () => {
      await this.steps.redeem({ code: findCode(this.data.code) })
      const { data } = await auth.getUser()
      this.setData({ step: 'signed-in', email: data.user.email })
    })
  },

  async attempt(action) {
    if (this.data.busy) return
    this.setData({ busy: true, message: '' })
    try {
      await action()
    } catch (error) {
      this.setData({ message: explain(error, 'zh-CN') })
    } finally {
      this.setData({ busy: false })
    }
  },
})
