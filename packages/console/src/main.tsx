import './styles/theme.css'
import './styles/base.css'
import './styles/controls.css'
import './styles/pieces.css'
import './styles/first.css'
import { render } from 'preact'
import { App } from './app.tsx'
import { rememberKeys } from './lib/keys.ts'
import { address, routeOf, startRouter } from './lib/router.ts'
import { start } from './lib/session.ts'
import { setTheme, theme } from './lib/theme.ts'

setTheme(theme.value)
startRouter()
rememberKeys()
// what was shared is seen without an account
if (routeOf(address.value).name !== 'shared') void start()
render(<App />, document.getElementById('app') as HTMLElement)
