import { type Answer, tokens as endpoints, type Role } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { ROLES } from '../lib/people.ts'
import { complain } from '../lib/room.ts'
import { client, reasonOf } from '../lib/session.ts'
import { shortDay } from '../lib/time.ts'
import { useLoaded } from '../lib/until-loaded.ts'
import { Confirm, Dialog } from '../parts/dialog.tsx'
import { Ago } from '../parts/face.tsx'
import { Choice, Field, Form, useSubmission } from '../parts/form.tsx'
import { moreTexts } from '../texts-more.ts'
import { useProjects } from './frame.tsx'

const words = moreTexts.tokens
type Token = Answer<typeof endpoints.list>['data'][number]

const roles = ROLES.map((role) => ({ value: role, text: moreTexts.members.roles[role] }))
const lives = Object.entries(words.lives).map(([value, text]) => ({ value, text }))
const DAY_MS = 86_400_000

/** Makes a token. @param onMade is given its secret, which is never shown again */
function CreateToken({ onMade }: { onMade: (secret: string) => void }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('editor')
  const [projectId, setProjectId] = useState('')
  const [days, setDays] = useState('90')
  const projects = useProjects() ?? []
  const submission = useSubmission(['name'])
  return (
    <Form
      submission={submission}
      action={words.create}
      disabled={name.trim() === ''}
      work={async () => {
        const expiresAt = days === '' ? null : new Date(Date.now() + Number(days) * DAY_MS).toISOString()
        const made = await client.call(endpoints.create, {
          body: { name, role, projectIds: projectId === '' ? null : [projectId], expiresAt },
        })
        setName('')
        onMade(made.token)
      }}
    >
      <Field label={words.name} value={name} onInput={setName} maxLength={100} dir="auto" wrong={submission.field('name')} />
      <Choice label={words.role} value={role} options={roles} onChoose={setRole} />
      <Choice
        label={words.scope}
        value={projectId}
        options={[{ value: '', text: words.all }, ...projects.map(({ id, name: text }) => ({ value: id, text }))]}
        onChoose={setProjectId}
      />
      <Choice label={words.life} value={days} options={lives} onChoose={setDays} />
    </Form>
  )
}

function Secret({ secret, onClose }: { secret: string; onClose: () => void }) {
  return (
    <Dialog title={words.made} onClose={onClose}>
      <div class="stack">
        <p>{words.once}</p>
        <input readOnly aria-label={words.secret} value={secret} onFocus={(event) => event.currentTarget.select()} />
        <div class="row">
          <button type="button" class="button" onClick={onClose}>
            {words.kept}
          </button>
        </div>
      </div>
    </Dialog>
  )
}

/** API tokens for bots. */
export function Tokens() {
  const { found, wrong, reload } = useLoaded(() => client.call(endpoints.list))
  const list: readonly Token[] = found?.data ?? []
  const [secret, setSecret] = useState<string | null>(null)
  const [ending, setEnding] = useState<Token | null>(null)
  const end = (tokenId: string) => client.call(endpoints.revoke, { params: { tokenId } }).then(reload, complain)
  return (
    <section class="card stack" aria-label={words.title}>
      <h2>{words.title}</h2>
      <p class="quiet">{words.text}</p>
      {wrong !== null && <p class="note bad">{reasonOf(wrong)}</p>}
      <ul class="list">
        {list.map((token) => (
          <li key={token.id}>
            <div class="grow">
              <strong dir="auto">{token.name}</strong> <span class="chip">{moreTexts.members.roles[token.role]}</span>
              <p class="small quiet">
                {token.projectIds === null ? words.all : words.projects(token.projectIds.length)} ·{' '}
                {token.expiresAt === null ? words.never : words.until(shortDay(token.expiresAt))} ·{' '}
                {token.lastUsedAt === null ? (
                  words.unused
                ) : (
                  <>
                    {moreTexts.me.used} <Ago at={token.lastUsedAt} />
                  </>
                )}
              </p>
            </div>
            <button type="button" class="button" aria-label={words.endOf(token.name)} onClick={() => setEnding(token)}>
              {moreTexts.me.end}
            </button>
          </li>
        ))}
      </ul>
      <CreateToken
        onMade={(made) => {
          setSecret(made)
          reload()
        }}
      />
      {secret !== null && <Secret secret={secret} onClose={() => setSecret(null)} />}
      {ending && (
        <Confirm
          title={words.endOf(ending.name)}
          text={words.endText}
          action={moreTexts.me.end}
          onDo={() => void end(ending.id)}
          onClose={() => setEnding(null)}
        />
      )}
    </section>
  )
}
