import { lazy } from '../lib/lazy.tsx'
import type { OpenRoute } from '../lib/router.ts'

const SharedView = lazy(() => import('./shared.tsx').then(({ SharedView }) => SharedView))
const InvitationView = lazy(() => import('./invitation.tsx').then(({ InvitationView }) => InvitationView))
const ResetView = lazy(() => import('./reset.tsx').then(({ ResetView }) => ResetView))
const UnsubscribeView = lazy(() => import('./unsubscribe.tsx').then(({ UnsubscribeView }) => UnsubscribeView))

/** What a link from outside shows, without an account. */
export function OpenView({ at }: { at: OpenRoute }) {
  if (at.name === 'reset') return <ResetView token={at.token} />
  if (at.name === 'invitation') return <InvitationView token={at.token} />
  if (at.name === 'unsubscribe') return <UnsubscribeView token={at.token} />
  return <SharedView token={at.token} />
}
