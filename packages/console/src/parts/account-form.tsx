import { auth, type SessionState } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { client, endSignedOut, notice } from '../lib/session.ts'
import { firstTexts as texts } from '../texts-first.ts'
import { Field, Form, useSubmission } from './form.tsx'

const words = texts.sign

/** How accounts are made here, once a person wants one without an invitation. */
function useRegistration(isWanted: boolean): SessionState['registration'] | undefined {
  const [registration, setRegistration] = useState<SessionState['registration']>()
  useEffect(() => {
    // without an answer the attempt says it
    if (isWanted)
      client.call(auth.session).then(
        (answer) => setRegistration(answer.registration),
        () => {},
      )
  }, [isWanted])
  return isWanted ? registration : undefined
}

/** Signs in, or makes an account. @param invitation token of one that is accepted with the account */
export function AccountForm(props: { isNew: boolean; action: string; invitation?: string; onDone?: () => void }) {
  const { isNew, invitation } = props
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [name, setName] = useState('')
  const [remember, setRemember] = useState(true)
  const [code, setCode] = useState('')
  const registration = useRegistration(isNew && invitation === undefined)
  const isFirst = registration === 'first-account'
  const submission = useSubmission(['email', 'password', 'name', 'code'])
  const enter = async () => {
    await endSignedOut()
    if (!isNew) return client.login({ email, password, remember })
    const by = { ...(invitation === undefined ? {} : { invitation }), ...(isFirst ? { code } : {}) }
    return client.register({ email, password, name, remember, ...by })
  }
  if (registration === 'invite') return <p class="note">{words.byInvitation}</p>
  return (
    <Form
      submission={submission}
      action={props.action}
      work={enter}
      onDone={() => {
        notice.value = null
        props.onDone?.()
      }}
    >
      {isNew && (
        <Field
          label={words.name}
          value={name}
          onInput={setName}
          autocomplete="name"
          required
          maxLength={100}
          wrong={submission.field('name')}
        />
      )}
      <Field
        label={words.email}
        type="email"
        value={email}
        onInput={setEmail}
        autocomplete="username"
        required
        wrong={submission.field('email')}
      />
      <Field
        label={words.password}
        type="password"
        value={password}
        onInput={setPassword}
        autocomplete={isNew ? 'new-password' : 'current-password'}
        required
        wrong={submission.field('password')}
        {...(isNew ? { help: words.passwordHelp } : {})}
      />
      {isFirst && (
        <Field
          label={words.code}
          value={code}
          onInput={setCode}
          autocomplete="off"
          help={words.codeHelp}
          wrong={submission.field('code')}
        />
      )}
      <label class="check">
        <input type="checkbox" checked={remember} onChange={(event) => setRemember(event.currentTarget.checked)} />
        {words.remember}
      </label>
    </Form>
  )
}
