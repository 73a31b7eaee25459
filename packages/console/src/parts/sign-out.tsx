import { useState } from 'preact/hooks'
import { toast } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { signOut } from '../lib/unsent.ts'
import { moreTexts } from '../texts-more.ts'
import { Confirm } from './dialog.tsx'

const words = moreTexts.signOut

/** Signs out; asks first where there are changes that were not sent, since they are lost with it. */
export function SignOut({ text }: { text: string }) {
  const [isAsking, setAsking] = useState(false)
  const end = () => void signOut().catch(() => toast(words.untold))
  return (
    <>
      <button type="button" class="button" onClick={() => (client.mutations.length > 0 ? setAsking(true) : end())}>
        {text}
      </button>
      {isAsking && (
        <Confirm
          title={words.title}
          text={words.unsent(client.mutations.length)}
          action={words.action}
          onDo={end}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  )
}
