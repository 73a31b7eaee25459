import { shares as endpoints, type Share, type ShareAllows } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { complain, useMay, useRoomValue } from '../lib/room.ts'
import { announce } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { shortDay } from '../lib/time.ts'
import { CopyField } from '../parts/copy-field.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Choice, Field, Form, useSubmission } from '../parts/form.tsx'
import { shareTexts } from '../texts-shares.ts'

const words = shareTexts.shares
const DAY_MS = 86_400_000
const none: readonly Share[] = []

/** What is shared: a cut is its current take. */
export interface Shared {
  kind: 'cut' | 'file'
  id: string
}

const allows = Object.entries(words.allow).map(([value, text]) => ({ value: value as ShareAllows, text }))
// as a number it would come before the empty one
const lives = ['', '1', '7', '30'].map((value) => ({ value, text: words.lives[value as keyof typeof words.lives] }))

/** @param onMade is given the address, which is never shown again */
function Create({ of, onMade }: { of: Shared; onMade: (url: string) => void }) {
  const [allow, setAllow] = useState<ShareAllows>('listen')
  const [password, setPassword] = useState('')
  const [days, setDays] = useState('7')
  const submission = useSubmission(['password'])
  return (
    <Form
      submission={submission}
      action={words.create}
      work={async () => {
        const expiresAt = days === '' ? null : new Date(Date.now() + Number(days) * DAY_MS).toISOString()
        const body = { allows: allow, password: password === '' ? null : password, expiresAt }
        const made = await (of.kind === 'cut'
          ? client.call(endpoints.createOnCut, { params: { cutId: of.id }, body })
          : client.call(endpoints.createOnFile, { params: { fileId: of.id }, body }))
        setPassword('')
        // a server that does not know its own address gives a path
        onMade(new URL(made.url, location.href).href)
      }}
    >
      <Choice label={words.allows} value={allow} options={allows} onChoose={setAllow} />
      <Choice label={words.life} value={days} options={lives} onChoose={setDays} />
      <Field
        label={words.password}
        type="password"
        autocomplete="off"
        value={password}
        onInput={setPassword}
        help={words.passwordHelp}
        wrong={submission.field('password')}
      />
    </Form>
  )
}

function Made({ url }: { url: string }) {
  return (
    <div class="note stack" role="status">
      <p>{words.made}</p>
      <CopyField label={words.link} value={url} />
    </div>
  )
}

function Row({ share, mayRevoke }: { share: Share; mayRevoke: boolean }) {
  const { expiresAt } = share
  const end = expiresAt && (Date.parse(expiresAt) < Date.now() ? words.expired : words.until)(shortDay(expiresAt))
  const facts = [share.author.name, words.plays(share.plays), share.hasPassword && words.hasPassword, end]
  return (
    <li>
      <div class="grow">
        <p>
          {words.allow[share.allows]} <span class="quiet small">{shortDay(share.createdAt)}</span>
        </p>
        <p class="quiet small">{facts.filter(Boolean).join(' · ')}</p>
      </div>
      {mayRevoke && (
        <button
          type="button"
          class="button tight"
          aria-label={words.revokeOf(shortDay(share.createdAt))}
          onClick={() =>
            void client.call(endpoints.revoke, { params: { shareId: share.id } }).then(() => announce(words.revoked), complain)
          }
        >
          {words.revoke}
        </button>
      )}
    </li>
  )
}

/** Links to a cut or a file: making, listing and revoking them. */
export function SharesDialog({ of, name, onClose }: { of: Shared; name: string; onClose: () => void }) {
  const mayEdit = useMay('editor')
  const list = useRoomValue(({ state }) => state?.sharesOf(of.id) ?? none, [of.id])
  const [url, setUrl] = useState<string | null>(null)
  return (
    <Dialog title={`${words.title}: ${name}`} onClose={onClose}>
      <div class="stack">
        <p class="quiet small">{of.kind === 'cut' ? words.textCut : words.text}</p>
        {url !== null && <Made url={url} />}
        {mayEdit && <Create of={of} onMade={setUrl} />}
        {list.length === 0 ? (
          <p class="quiet">{words.none}</p>
        ) : (
          <ul class="list">
            {list.map((share) => (
              <Row key={share.id} share={share} mayRevoke={mayEdit} />
            ))}
          </ul>
        )}
      </div>
    </Dialog>
  )
}
