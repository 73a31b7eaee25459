import { useState } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import { base } from '../lib/router.ts'
import { notice } from '../lib/session.ts'
import { AccountForm } from '../parts/account-form.tsx'
import { LogoIcon } from '../parts/icons.tsx'
import { firstTexts as texts } from '../texts-first.ts'

const words = texts.sign

/** What a visitor sees: what this is, and the way in. */
export function SignIn() {
  const [isNew, setIsNew] = useState(false)
  const why = useCell(notice)
  const action = isNew ? words.register : words.in
  return (
    <main class="sign">
      <div class="sign-box">
        <div class="stack">
          <h1 class="row">
            <LogoIcon />
            {texts.name}
          </h1>
          <p class="quiet">{words.claim}</p>
        </div>
        {why !== null && <p class="note warn">{why}</p>}
        <section class="card stack" aria-label={action}>
          <h2>{action}</h2>
          <AccountForm isNew={isNew} action={action} />
          <button type="button" class="button plain" onClick={() => setIsNew(!isNew)}>
            {isNew ? words.toSignIn : words.toRegister}
          </button>
        </section>
        <p class="small row">
          <a href={`${base}/reset`}>{words.forgot}</a>
          <span class="grow" />
          <a href={`${base}/docs`}>{words.reference}</a>
        </p>
      </div>
    </main>
  )
}
