import { invitations as endpoints, type NewInvitation, type Role } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { ROLES } from '../lib/people.ts'
import { useRoom } from '../lib/room.ts'
import { toast } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { CopyField } from '../parts/copy-field.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Choice, Field, Form, useSubmission } from '../parts/form.tsx'
import { texts } from '../texts.ts'
import { invitationTexts as words } from '../texts-invitations.ts'
import { moreTexts } from '../texts-more.ts'

type Way = keyof typeof words.ways
const ways = Object.entries(words.ways).map(([value, text]) => ({ value: value as Way, text }))
const roles = ROLES.map((role) => ({
  value: role,
  text: [moreTexts.members.roles[role], moreTexts.members.says[role]].join(': '),
}))

/** The address of an invitation, which is never shown again. */
export function Made({ made }: { made: Pick<NewInvitation, 'url' | 'email'> }) {
  return (
    <div class="note stack" role="status">
      <p>{made.email === null ? words.made : words.madeMail(made.email)}</p>
      {/* a server that does not know its own address gives a path */}
      <CopyField label={words.link} value={new URL(made.url, location.href).href} />
    </div>
  )
}

/** Invites a person by e-mail, or makes a link for one. */
export function InviteDialog({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const { projectId } = useRoom()
  const [way, setWay] = useState<Way>('email')
  const [email, setEmail] = useState('')
  const [role, setRole] = useState<Role>('editor')
  const [made, setMade] = useState<NewInvitation | null>(null)
  const submission = useSubmission(['email'])
  const work = async () => {
    const body = { email: way === 'email' ? email.trim() : null, role }
    const invitation = await client.call(endpoints.create, { params: { projectId }, body })
    onMade()
    if (invitation.isMailed && invitation.email !== null) {
      toast(words.sent(invitation.email))
      onClose()
    } else setMade(invitation)
  }
  return (
    <Dialog title={words.title} onClose={onClose}>
      {made === null ? (
        <Form
          submission={submission}
          action={way === 'email' ? words.send : words.create}
          disabled={way === 'email' && email.trim() === ''}
          work={work}
        >
          <p class="quiet small">{words.text}</p>
          <Choice label={words.how} value={way} options={ways} onChoose={setWay} />
          {way === 'email' && (
            <Field
              label={words.email}
              type="email"
              value={email}
              onInput={setEmail}
              autocomplete="off"
              wrong={submission.field('email')}
            />
          )}
          <Choice label={words.role} value={role} options={roles} onChoose={setRole} />
        </Form>
      ) : (
        <div class="stack">
          <Made made={made} />
          <p>
            <button type="button" class="button" onClick={onClose}>
              {texts.close}
            </button>
          </p>
        </div>
      )}
    </Dialog>
  )
}
