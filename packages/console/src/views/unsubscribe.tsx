import { CutroomError, mail, type Unsubscription } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { client, reasonOf } from '../lib/session.ts'
import { untilLoaded } from '../lib/until-loaded.ts'
import { Form, useSubmission } from '../parts/form.tsx'
import { NoPage, SignBox, Skeleton } from '../parts/sign-box.tsx'
import { accountTexts } from '../texts-account.ts'

const words = accountTexts.unsubscribe

function Ask({ token, of, onDone }: { token: string; of: Unsubscription; onDone: () => void }) {
  const submission = useSubmission()
  return (
    <SignBox title={words.title}>
      <p dir="auto">{of.kind === 'missed' ? words.ask.missed : words.ask.digest(of.project?.name ?? null)}</p>
      <Form
        submission={submission}
        action={words.action}
        work={() => client.call(mail.unsubscribe, { params: { mailToken: token } })}
        onDone={onDone}
      >
        {null}
      </Form>
    </SignBox>
  )
}

/** Ends mails of a kind, by the link in one of them. */
export function UnsubscribeView({ token }: { token: string }) {
  const [of, setOf] = useState<Unsubscription | null>(null)
  const [none, setNone] = useState<{ title: string; text: string } | null>(null)
  useEffect(() => {
    const ask = () => client.call(mail.unsubscription, { params: { mailToken: token } })
    const loaded = (found: Unsubscription) => {
      setOf(found)
      setNone(null)
    }
    return untilLoaded(ask, loaded, (error) => {
      const isUnknown = error instanceof CutroomError && /^(not-found|validation)$/.test(error.problem.code)
      setNone(isUnknown ? { title: words.unknown, text: words.unknownText } : { title: words.title, text: reasonOf(error) })
    })
  }, [token])
  if (none) return <NoPage {...none} />
  if (of === null) return <Skeleton title={words.title} />
  return <Ask token={token} of={of} onDone={() => setNone({ title: words.done, text: words.doneText })} />
}
