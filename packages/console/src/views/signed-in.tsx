import { useEffect } from 'preact/hooks'
import { lazy } from '../lib/lazy.tsx'
import { useRoute } from '../lib/router.ts'
import { client } from '../lib/session.ts'
import { texts } from '../texts.ts'
import { Frame } from './frame.tsx'
import { NotFound } from './not-found.tsx'

const Home = lazy(() => import('./home.tsx').then(({ Home }) => Home))
const ProjectView = lazy(() => import('./project.tsx').then(({ ProjectView }) => ProjectView))
const MeView = lazy(() => import('./me.tsx').then(({ MeView }) => MeView))
const ChatView = lazy(() => import('./chat.tsx').then(({ ChatView }) => ChatView))
const ConnectionBar = lazy(() => import('../parts/status-bar.tsx').then(({ ConnectionBar }) => ConnectionBar), null)
const Inbox = lazy(() => import('./inbox.tsx').then(({ Inbox }) => Inbox))
const ActivityView = lazy(() => import('./activity.tsx').then(({ ActivityView }) => ActivityView))
const SearchView = lazy(() => import('./search.tsx').then(({ SearchView }) => SearchView))

/** What a person sees who is signed in. */
export function SignedIn() {
  useEffect(() => void client.connect().catch(() => {}), [])
  const at = useRoute()
  if (at.name === 'unknown' || 'token' in at)
    return (
      <Frame title={texts.notFound.title}>
        <NotFound />
      </Frame>
    )
  if (at.name === 'home')
    return (
      <Frame title={texts.frame.yours}>
        <Home />
      </Frame>
    )
  if (at.name === 'me')
    return (
      <Frame title={texts.frame.me}>
        <MeView />
      </Frame>
    )
  if (at.name === 'chat')
    return (
      <Frame title={texts.frame.chats} fixed bar={<ConnectionBar />}>
        <ChatView conversationId={at.conversationId} messageId={at.query.get('message')} />
      </Frame>
    )
  if (at.name === 'inbox')
    return (
      <Frame title={texts.frame.inbox}>
        <Inbox />
      </Frame>
    )
  if (at.name === 'all-activity')
    return (
      <Frame title={texts.frame.activity}>
        <ActivityView query={at.query} />
      </Frame>
    )
  if (at.name === 'search')
    return (
      <Frame title={texts.frame.search}>
        <SearchView query={at.query} />
      </Frame>
    )
  return <ProjectView key={at.projectId} at={at} />
}
