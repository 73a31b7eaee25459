import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { base } from '../lib/router.ts'
import { accountTexts } from '../texts-account.ts'
import { firstTexts as texts } from '../texts-first.ts'
import { LogoIcon } from './icons.tsx'

/** A page of its own with one thing to do, for people who may not be signed in. */
export function SignBox({ title, children }: { title: string; children: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · ${texts.name}`
  }, [title])
  return (
    <main class="sign">
      <div class="sign-box">
        <p>
          <a class="brand" href={`${base}/`}>
            <LogoIcon />
            {texts.name}
          </a>
        </p>
        <h1 class="long" dir="auto">
          {title}
        </h1>
        {children}
      </div>
    </main>
  )
}

/** Shown until it is known what the link leads to. */
export const Skeleton = ({ title }: { title: string }) => (
  <SignBox title={title}>
    <div class="skeleton tall" role="status" aria-label={texts.loading} />
  </SignBox>
)

/** A link that leads to nothing, or no more. */
export const NoPage = ({ title, text }: { title: string; text: string }) => (
  <SignBox title={title}>
    <p>{text}</p>
    <p>
      <a class="button" href={`${base}/`}>
        {accountTexts.home}
      </a>
    </p>
  </SignBox>
)
