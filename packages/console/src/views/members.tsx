import { type Member, members, type Role } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { ROLES } from '../lib/people.ts'
import { complain, useMay, useRoom, useRoomValue } from '../lib/room.ts'
import { chatPath, go } from '../lib/router.ts'
import { announce } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Ago, Face } from '../parts/face.tsx'
import { Choice, Field, Form, useSubmission } from '../parts/form.tsx'
import { ChatIcon } from '../parts/frame-icons.tsx'
import { Windowed } from '../parts/windowed.tsx'
import { texts } from '../texts.ts'
import { moreTexts } from '../texts-more.ts'
import { Invitations } from './invitations.tsx'

const words = moreTexts.members
const ROW_HEIGHT = 64
const options = ROLES.map((role) => ({ value: role, text: words.roles[role] }))

const explained = ROLES.map((role) => ({ value: role, text: [words.roles[role], words.says[role]].join(': ') }))

function Row({ member, mayManage }: { member: Member; mayManage: boolean }) {
  const { projectId, userId, user, role } = member
  const isHere = useRoomValue(({ presence }) => presence.has(userId), [userId])
  const [isRemoving, setRemoving] = useState(false)
  const params = { projectId, userId }
  return (
    <div class="row wrap member">
      <Face person={user} />
      <div class="grow">
        <strong class="long" dir="auto">
          {user.name}
        </strong>
        <p class="small quiet">
          {userId === client.userId && `${texts.you} · `}
          {isHere && `${words.here} · `}
          {words.since} <Ago at={member.createdAt} />
        </p>
      </div>
      {userId !== client.userId && (
        <button
          type="button"
          class="icon-button"
          aria-label={words.writeTo(user.name)}
          title={words.writeTo(user.name)}
          onClick={() => void client.conversations.start([userId]).then(({ id }) => go(chatPath(id)), complain)}
        >
          <ChatIcon />
        </button>
      )}
      {mayManage ? (
        <>
          <Choice
            label={words.roleOf(user.name)}
            hideLabel
            value={role}
            options={options}
            onChoose={(next: Role) => client.call(members.update, { params, body: { role: next } })}
          />
          <button type="button" class="button" onClick={() => setRemoving(true)}>
            {words.remove}
          </button>
        </>
      ) : (
        <span class="chip">{words.roles[role]}</span>
      )}
      {isRemoving && (
        <Confirm
          title={words.removeTitle(user.name)}
          text={words.removeText}
          action={words.remove}
          onDo={() => void client.call(members.delete, { params }).catch(complain)}
          onClose={() => setRemoving(false)}
        />
      )}
    </div>
  )
}

function AddMember() {
  const { projectId } = useRoom()
  const [email, setEmail] = useState('')
  const [role, setRole] = useState<Role>('editor')
  const submission = useSubmission(['email'])
  return (
    <section class="card stack" aria-label={words.add}>
      <h2>{words.add}</h2>
      <Form
        submission={submission}
        action={words.add}
        disabled={email.trim() === ''}
        work={async () => {
          const { user } = await client.call(members.create, { params: { projectId }, body: { email: email.trim(), role } })
          announce(words.added(user.name))
          setEmail('')
        }}
      >
        <Field label={words.email} type="email" value={email} onInput={setEmail} wrong={submission.field('email')} />
        <Choice label={words.role} value={role} options={explained} onChoose={setRole} />
      </Form>
    </section>
  )
}

/** Who is in the project, and what they may do. */
export function Members() {
  const mayManage = useMay('owner')
  const all = useRoomValue(({ state }) => state?.members)
  const list = [...(all?.values() ?? [])].sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
  return (
    <div class="page">
      <h1>
        {words.title} <span class="quiet small">{list.length}</span>
      </h1>
      <Windowed
        class="card member-list"
        items={list}
        keyOf={({ userId }) => userId}
        estimate={ROW_HEIGHT}
        label={words.title}
        draw={(member) => <Row member={member} mayManage={mayManage} />}
      />
      {mayManage && <Invitations />}
      {mayManage && <AddMember />}
    </div>
  )
}
