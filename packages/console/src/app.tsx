import { useEffect } from 'preact/hooks'
import { useCell } from './lib/cell.ts'
import { lazy } from './lib/lazy.tsx'
import { useRoute } from './lib/router.ts'
import { client, notice, phase, start } from './lib/session.ts'
import { useSelected } from './lib/use-selected.ts'
import { Toasts } from './parts/toasts.tsx'
import { Waiting } from './parts/waiting.tsx'
import { firstTexts as texts } from './texts-first.ts'
import { SignIn } from './views/sign-in.tsx'

const SignedIn = lazy(() => import('./views/signed-in.tsx').then(({ SignedIn }) => SignedIn))
const OpenView = lazy(() => import('./views/open.tsx').then(({ OpenView }) => OpenView), undefined, false)

/** The page: for a person who is signed in, or for a visitor. */
export function App() {
  const me = useSelected(() => client.select(({ me }) => me), [])
  const at = useRoute()
  return (
    <>
      {'token' in at ? <OpenView key={`${at.name} ${at.token}`} at={at} /> : <Inside me={me !== null} />}
      <Toasts />
    </>
  )
}

function Inside({ me }: { me: boolean }) {
  const now = useCell(phase)
  // after the end of a session the client still knows whose it was
  const isIn = useCell(notice) === null && me
  useEffect(() => {
    if (!isIn) document.title = texts.name
  }, [isIn])
  if (now === 'unreachable')
    return (
      <main class="sign">
        <div class="sign-box">
          <h1>{texts.name}</h1>
          <p class="note warn">{texts.sign.unreachable}</p>
          <button type="button" class="button primary" onClick={() => void start()}>
            {texts.tryAgain}
          </button>
        </div>
      </main>
    )
  if (now === 'starting')
    return (
      <main class="main">
        <Waiting reason={texts.waits} />
      </main>
    )
  return isIn ? <SignedIn /> : <SignIn />
}
