import './styles/theme.css'
import './styles/base.css'
import './styles/layout.css'
import { render } from 'preact'
import { App } from './app.tsx'
import { rememberKeys } from './lib/keys.ts'
import { startRouter } from './lib/router.ts'
import { start } from './lib/session.ts'
import { setTheme, theme } from './lib/theme.ts'

setTheme(theme.value)
startRouter()
rememberKeys()
void start()
render(<App />, document.getElementById('app') as HTMLElement)
