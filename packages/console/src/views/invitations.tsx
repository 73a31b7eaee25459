import { invitations as endpoints, type Invitation, type NewInvitation, type ProjectInvitation } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { complain, useRoom, useRoomValue } from '../lib/room.ts'
import { announce, toast } from '../lib/say.ts'
import { client, reasonOf } from '../lib/session.ts'
import { shortDay } from '../lib/time.ts'
import { useLoaded } from '../lib/until-loaded.ts'
import { invitationTexts as words } from '../texts-invitations.ts'
import { moreTexts } from '../texts-more.ts'
import { InviteDialog, Made } from './invite-dialog.tsx'

/** Pages of invitations that are loaded: a project has a hundred at most. */
const PAGE = 200

function Row(props: { invitation: ProjectInvitation; onMade: (made: NewInvitation) => void; onChange: () => void }) {
  const { id, email, role, author, expiresAt, createdAt } = props.invitation
  const params = { invitationId: id }
  const what = email ?? `${words.byLink} (${shortDay(createdAt)})`
  const day = shortDay(expiresAt)
  const resend = async () => {
    const made = await client.call(endpoints.resend, { params })
    if (made.isMailed) toast(words.resent)
    else props.onMade(made)
    props.onChange()
  }
  const revoke = async () => {
    await client.call(endpoints.revoke, { params })
    announce(words.revoked)
    props.onChange()
  }
  return (
    <li>
      <div class="grow">
        <p dir="auto">{email ?? words.byLink}</p>
        <p class="quiet small">
          {words.as(moreTexts.members.roles[role], author.name)} ·{' '}
          {Date.parse(expiresAt) < Date.now() ? words.expired(day) : words.until(day)}
        </p>
      </div>
      <button
        type="button"
        class="button tight"
        aria-label={email === null ? words.renewOf(what) : words.resendOf(what)}
        onClick={() => void resend().catch(complain)}
      >
        {email === null ? words.renew : words.resend}
      </button>
      <button type="button" class="button tight" aria-label={words.revokeOf(what)} onClick={() => void revoke().catch(complain)}>
        {words.revoke}
      </button>
    </li>
  )
}

const none: ReadonlyMap<string, Invitation> = new Map()

/** Invitations that are open, with their addresses, for owners. The room says when there are others. */
function useInvitations(): { list: readonly ProjectInvitation[]; wrong: unknown; load: () => void } {
  const { projectId } = useRoom()
  const changed = useRoomValue(({ state }) => state?.invitations ?? none)
  const ask = () => client.call(endpoints.list, { params: { projectId }, query: { limit: PAGE } })
  const { found, wrong, reload } = useLoaded(ask, [projectId, changed])
  return { list: found?.data ?? [], wrong, load: reload }
}

/** Inviting people, and what is open of it. */
export function Invitations() {
  const { list, wrong, load } = useInvitations()
  const [isInviting, setInviting] = useState(false)
  const [made, setMade] = useState<NewInvitation | null>(null)
  return (
    <section class="card stack" aria-label={words.pending}>
      <div class="row">
        <h2 class="grow">{words.pending}</h2>
        <button type="button" class="button primary" onClick={() => setInviting(true)}>
          {words.invite}
        </button>
      </div>
      {wrong !== null && <p class="note bad">{reasonOf(wrong)}</p>}
      {made !== null && <Made made={made} />}
      {list.length === 0 ? (
        wrong === null && <p class="quiet">{words.none}</p>
      ) : (
        <ul class="list">
          {list.map((invitation) => (
            <Row key={invitation.id} invitation={invitation} onMade={setMade} onChange={load} />
          ))}
        </ul>
      )}
      {isInviting && <InviteDialog onClose={() => setInviting(false)} onMade={load} />}
    </section>
  )
}
