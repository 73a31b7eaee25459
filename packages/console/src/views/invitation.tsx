import { CutroomError, type InvitationPreview, invitations } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import { base, go, projectPath } from '../lib/router.ts'
import { announce } from '../lib/say.ts'
import { client, notice, phase, reasonOf, start } from '../lib/session.ts'
import { exact } from '../lib/time.ts'
import { untilLoaded } from '../lib/until-loaded.ts'
import { useSelected } from '../lib/use-selected.ts'
import { AccountForm } from '../parts/account-form.tsx'
import { Form, useSubmission } from '../parts/form.tsx'
import { NoPage, SignBox, Skeleton } from '../parts/sign-box.tsx'
import { SignOut } from '../parts/sign-out.tsx'
import { accountTexts } from '../texts-account.ts'
import { firstTexts } from '../texts-first.ts'

const words = accountTexts.invitation
type None = { kind: 'none'; title: string; text: string }
type Found = { kind: 'open'; invitation: InvitationPreview } | None

/** What the answer to a link means to the person who has it. */
function meaningOf(error: unknown): None {
  const code = error instanceof CutroomError ? error.problem.code : 'unavailable'
  if (code === 'gone') return { kind: 'none', title: words.gone, text: words.goneText }
  if (code === 'not-found' || code === 'validation') return { kind: 'none', title: words.unknown, text: words.unknownText }
  return { kind: 'none', title: words.title, text: reasonOf(error) }
}

interface Props {
  token: string
  invitation: InvitationPreview
  /** The link leads to nothing any more. */
  onGone: (found: None) => void
}

function enter({ project }: InvitationPreview): void {
  announce(words.accepted(project.name))
  go(projectPath(project.id), true)
}

/** For a person who is signed in. */
function Accept(props: Props) {
  const { project } = props.invitation
  const me = useSelected(() => client.select(({ me }) => me), [])
  const isMember = useSelected(() => client.user.select(({ projects }) => projects?.has(project.id) ?? false), [project.id])
  const submission = useSubmission()
  const work = async () => {
    try {
      await client.call(invitations.accept, { params: { token: props.token } })
    } catch (error) {
      const meaning = meaningOf(error)
      if (meaning.title === words.title) throw error
      props.onGone(meaning)
      return
    }
    enter(props.invitation)
  }
  if (isMember)
    return (
      <div class="card stack">
        <p>{words.member}</p>
        <p>
          <a class="button primary" href={base + projectPath(project.id)}>
            {words.open}
          </a>
        </p>
      </div>
    )
  return (
    <div class="card stack">
      <p class="quiet">{words.as(me?.name ?? '', me?.email ?? '')}</p>
      <Form submission={submission} action={words.accept} work={work} beside={<SignOut text={words.other} />}>
        {null}
      </Form>
    </div>
  )
}

/** For a person who is not: an account that is there, or a new one. */
function Enter(props: Props) {
  const [isNew, setNew] = useState(true)
  const choice = (value: boolean, text: string) => (
    <button type="button" class="button" aria-pressed={isNew === value} onClick={() => setNew(value)}>
      {text}
    </button>
  )
  const action = isNew ? words.registerAction : firstTexts.sign.in
  return (
    <section class="card stack" aria-label={action}>
      <fieldset class="row switch" aria-label={words.how}>
        {choice(true, words.register)}
        {choice(false, words.signIn)}
      </fieldset>
      <AccountForm
        isNew={isNew}
        action={action}
        invitation={props.token}
        // with an account that is there it is accepted on the page that follows
        onDone={() => isNew && enter(props.invitation)}
      />
    </section>
  )
}

/** The page of an invitation. */
export function InvitationView({ token }: { token: string }) {
  const [found, setFound] = useState<Found | null>(null)
  const now = useCell(phase)
  const me = useSelected(() => client.select(({ me }) => me), [])
  const isIn = useCell(notice) === null && me !== null
  useEffect(() => {
    if (now === 'unreachable') void start()
    return untilLoaded(
      () => client.call(invitations.byToken, { params: { token } }),
      (invitation) => setFound({ kind: 'open', invitation }),
      (error) => setFound(meaningOf(error)),
    )
  }, [token])
  if (found === null || now === 'starting') return <Skeleton title={words.title} />
  if (found.kind === 'none') return <NoPage title={found.title} text={found.text} />
  const { project, role, invitedBy, emailHint, expiresAt } = found.invitation
  const props = { token, invitation: found.invitation, onGone: setFound }
  return (
    <SignBox title={words.to(project.name)}>
      <p>
        {words.by(invitedBy, words.roles[role])}{' '}
        <span class="quiet">
          {emailHint !== null && `${words.forAddress(emailHint)} `}
          {words.until(exact(expiresAt))}
        </span>
      </p>
      {isIn ? <Accept {...props} /> : <Enter {...props} />}
    </SignBox>
  )
}
