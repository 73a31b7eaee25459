import { comments, cuts, type Member, vibes } from '@cutroom/client'
import { useMutation, usePresence, useTyping } from '@cutroom/react'
import { type FormEvent, useState } from 'react'
import { useActivityFeed, useProject, useProjectEvent, useProjectRoom } from './socket-context.tsx'

/** The text of a form's field, which is emptied. */
export function take(event: FormEvent<HTMLFormElement>): string {
  event.preventDefault()
  const form = event.currentTarget
  const text = String(new FormData(form).get('text') ?? '')
  form.reset()
  return text
}

function Comments({ cutId, projectId }: { cutId: string; projectId: string }) {
  const room = useProjectRoom()
  const members = useProject((state) => state.members)
  const thread = useProject((state) => state.commentsOf(cutId))
  const { typing, setTyping } = useTyping(room, cutId)
  const { mutate, problem } = useMutation(comments.createOnCut, {
    projectId,
    // shown at once; the event takes its place
    draw: ({ params, body: { body } }) => ({
      name: 'comment:created',
      payload: { cutId: params.cutId, body },
    }),
  })
  const names = typing.map((id) => members?.get(id)?.user.name ?? 'Someone')
  return (
    <section aria-label="Comments">
      <ul>
        {thread?.map(({ id, author, body }) => (
          <li key={id} style={{ opacity: room?.pending.has(id) ? 0.5 : 1 }}>
            {author.name}: {body}
          </li>
        ))}
      </ul>
      <p>{names.length > 0 && `${names.join(', ')} typing …`}</p>
      <form
        onSubmit={(event) => {
          void mutate({ params: { cutId }, body: { body: take(event) } })
          setTyping(false)
        }}
      >
        <input name="text" aria-label="Comment" required onInput={() => setTyping(true)} />
        <button type="submit">Comment</button>
      </form>
      {problem && <p role="alert">{problem.title}</p>}
    </section>
  )
}

export function ProjectPage({ projectId }: { projectId: string }) {
  const { people } = usePresence(useProjectRoom())
  const ideas = useProject((state) => state.vibesByRank().map((vibe) => ({ vibe, takes: state.cutsOf(vibe.id) })))
  const [cutId, setCutId] = useState<string>()
  const [joined, setJoined] = useState<Member>()
  useProjectEvent('member:joined', setJoined)
  const addVibe = useMutation(vibes.create)
  const addCut = useMutation(cuts.create, { projectId })
  return (
    <>
      <output aria-label="Here">{[...people.values()].map(({ user }) => user.name).join(', ')}</output>
      {joined && <output>{joined.user.name} joined</output>}
      {ideas?.map(({ vibe, takes }) => (
        <fieldset key={vibe.id}>
          <legend>{vibe.name}</legend>
          {takes.map((cut) => (
            <button key={cut.id} type="button" onClick={() => setCutId(cut.id)}>
              {cut.name}
            </button>
          ))}
          <form onSubmit={(event) => void addCut.mutate({ params: { vibeId: vibe.id }, body: { name: take(event) } })}>
            <input name="text" aria-label={`A cut of ${vibe.name}`} required />
          </form>
        </fieldset>
      ))}
      <form onSubmit={(event) => void addVibe.mutate({ params: { projectId }, body: { name: take(event) } })}>
        <input name="text" aria-label="A vibe" required />
      </form>
      {cutId && <Comments cutId={cutId} projectId={projectId} />}
      <ol aria-label="Activity">
        {useActivityFeed(20).map(({ id, action, actor, target }) => (
          <li key={id}>
            {actor?.name} {action} {target.name}
          </li>
        ))}
      </ol>
    </>
  )
}
