import { auth, CutroomError } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { base } from '../lib/router.ts'
import { client } from '../lib/session.ts'
import { Field, Form, useSubmission } from '../parts/form.tsx'
import { SignBox } from '../parts/sign-box.tsx'
import { accountTexts } from '../texts-account.ts'
import { firstTexts } from '../texts-first.ts'

const words = accountTexts.reset

/** Asks for a link. What is said after it is the same whether or not there is an account. */
function Ask() {
  const [email, setEmail] = useState('')
  const [sentTo, setSentTo] = useState<string | null>(null)
  const submission = useSubmission(['email'])
  if (sentTo !== null)
    return (
      <SignBox title={words.sent}>
        <p role="status">{words.sentText(sentTo)}</p>
        <div class="row wrap">
          <a class="button" href={`${base}/`}>
            {accountTexts.toSignIn}
          </a>
          <button type="button" class="button plain" onClick={() => setSentTo(null)}>
            {words.again}
          </button>
        </div>
      </SignBox>
    )
  return (
    <SignBox title={words.title}>
      <p class="quiet">{words.text}</p>
      <section class="card" aria-label={words.title}>
        <Form
          submission={submission}
          action={words.send}
          disabled={email.trim() === ''}
          work={() => client.call(auth.forgot, { body: { email: email.trim() } })}
          onDone={() => setSentTo(email.trim())}
        >
          <Field
            label={words.email}
            type="email"
            value={email}
            onInput={setEmail}
            autocomplete="username"
            required
            wrong={submission.field('email')}
          />
        </Form>
      </section>
      <p class="small">
        <a href={`${base}/`}>{accountTexts.toSignIn}</a>
      </p>
    </SignBox>
  )
}

/** A new password, by the link of a mail. */
function Choose({ token }: { token: string }) {
  const [password, setPassword] = useState('')
  const [outcome, setOutcome] = useState<'done' | 'gone' | null>(null)
  const submission = useSubmission(['password'])
  const work = async () => {
    try {
      await client.call(auth.reset, { body: { token, password } })
      setOutcome('done')
    } catch (error) {
      const isGone =
        error instanceof CutroomError && (/^(gone|not-found)$/.test(error.problem.code) || error.at('/token') !== undefined)
      if (!isGone) throw error
      setOutcome('gone')
    }
  }
  if (outcome !== null)
    return (
      <SignBox title={outcome === 'done' ? words.done : words.gone}>
        <p role="status">{outcome === 'done' ? words.doneText : words.goneText}</p>
        <p>
          <a class="button primary" href={`${base}${outcome === 'done' ? '/' : '/reset'}`}>
            {outcome === 'done' ? accountTexts.toSignIn : words.another}
          </a>
        </p>
      </SignBox>
    )
  return (
    <SignBox title={words.choose}>
      <section class="card" aria-label={words.choose}>
        <Form submission={submission} action={words.change} disabled={password === ''} work={work}>
          <Field
            label={words.next}
            type="password"
            value={password}
            onInput={setPassword}
            autocomplete="new-password"
            help={firstTexts.sign.passwordHelp}
            required
            wrong={submission.field('password')}
          />
        </Form>
      </section>
    </SignBox>
  )
}

/** For a person who has forgotten their password. @param token of the link in the mail; null: it is still to be sent */
export const ResetView = ({ token }: { token: string | null }) => (token === null ? <Ask /> : <Choose token={token} />)
