// Without a bundler, name both packages in an import map: each is one file.
import cloudbase from '@cloudbase/js-sdk'
import 'latchkey-sign-in'

const widget = document.querySelector('latchkey-sign-in')
widget.addEventListener('latchkey-signed-in', ({ detail }) => console.log('signed in', detail.user.id))
widget.addEventListener('latchkey-signed-out', () => console.log('signed out'))
widget.sdk = cloudbase // the widget makes `auth` of it, for its attributes
widget.start()
