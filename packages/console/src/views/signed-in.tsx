import { useEffect } from 'preact/hooks'
import { lazy } from '../lib/lazy.tsx'
import { useRoute } from '../lib/router.ts'
import { client } from '../lib/session.ts'
import { texts } from '../texts.ts'
import { Frame } from './frame.tsx'
import { Home } from './home.tsx'
import { NotFound } from './not-found.tsx'

const ProjectView = lazy(() => import('./project.tsx').then(({ ProjectView }) => ProjectView))
const MeView = lazy(() => import('./me.tsx').then(({ MeView }) => MeView))

/** What a person sees who is signed in. */
export function SignedIn() {
  useEffect(() => void client.connect().catch(() => {}), [])
  const at = useRoute()
  if (at.name === 'unknown')
    return (
      <Frame title={texts.notFound.title}>
        <NotFound />
      </Frame>
    )
  if (at.name === 'home')
    return (
      <Frame title={texts.home.title}>
        <Home />
      </Frame>
    )
  if (at.name === 'me')
    return (
      <Frame title={texts.me.title}>
        <MeView />
      </Frame>
    )
  return <ProjectView key={at.projectId} at={at} />
}
