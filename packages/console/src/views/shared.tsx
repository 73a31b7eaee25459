import '../styles/sound.css'
import { CutroomError, type SharedFile, shared } from '@cutroom/client'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { byteSize } from '../lib/bytes.ts'
import { useCell } from '../lib/cell.ts'
import { useWaveform } from '../lib/peaks.ts'
import { createPlayer } from '../lib/player.ts'
import { base } from '../lib/router.ts'
import { client } from '../lib/session.ts'
import { exact } from '../lib/time.ts'
import { untilLoaded } from '../lib/until-loaded.ts'
import { Field, Form, useSubmission } from '../parts/form.tsx'
import { Transport } from '../parts/transport.tsx'
import { Wave } from '../parts/wave.tsx'
import { firstTexts } from '../texts-first.ts'
import { playerTexts } from '../texts-player.ts'
import { shareTexts } from '../texts-shares.ts'
import { soundTexts } from '../texts-sound.ts'

const words = shareTexts.shared
type Found = { kind: 'file'; file: SharedFile } | { kind: 'password' } | { kind: 'none'; title: string; text: string }

/** What the answer to a link means to a visitor. */
function meaningOf(error: unknown): Found {
  const code = error instanceof CutroomError ? error.problem.code : 'unavailable'
  if (code === 'password-required') return { kind: 'password' }
  if (code === 'gone') return { kind: 'none', title: words.expired, text: words.expiredText }
  if (code === 'not-found' || code === 'validation' || code === 'bad-request')
    return { kind: 'none', title: words.unknown, text: words.unknownText }
  return { kind: 'none', title: firstTexts.name, text: code === 'rate-limited' ? words.busy : words.failed }
}

function Password({ token, onOpen }: { token: string; onOpen: (file: SharedFile) => void }) {
  const [password, setPassword] = useState('')
  const submission = useSubmission()
  const [isWrong, setWrong] = useState(false)
  return (
    <Form
      submission={submission}
      action={words.openIt}
      disabled={password === ''}
      work={async () => {
        setWrong(false)
        try {
          onOpen(await client.call(shared.open, { params: { token }, body: { password } }))
        } catch (error) {
          if (!(error instanceof CutroomError && error.problem.code === 'wrong-password')) throw error
          setWrong(true)
        }
      }}
    >
      <p>{words.passwordText}</p>
      <Field
        label={words.password}
        type="password"
        autocomplete="off"
        value={password}
        onInput={setPassword}
        wrong={isWrong ? words.wrong : undefined}
      />
    </Form>
  )
}

/** Plays what the link shows. */
function Sounding({ token, file }: { token: string; file: SharedFile }) {
  const player = useMemo(createPlayer, [])
  const hasFailed = useCell(player.hasFailed)
  const isReady = file.durationMs !== null
  const peaks = useWaveform(isReady ? token : null, () => client.call(shared.peaks, { params: { token } }))
  useEffect(() => {
    player.show({ id: token, name: file.name, url: `${base}/api/shared/${token}/content`, durationMs: file.durationMs })
    return () => player.close()
  }, [player])
  return (
    <section class="player" aria-label={playerTexts.title}>
      {isReady && <Wave player={player} waveform={peaks.waveform} />}
      {hasFailed && (
        <p class="note bad small" role="alert">
          {file.allows === 'download' ? playerTexts.failedDownload : playerTexts.failed}
        </p>
      )}
      <Transport player={player} />
    </section>
  )
}

function Shown({ token, file }: { token: string; file: SharedFile }) {
  const content = `${base}/api/shared/${token}/content`
  return (
    <>
      <div>
        <h1 class="long" dir="auto">
          {file.name}
        </h1>
        <p class="quiet">
          {words.by(file.sharedBy)}
          {file.take !== null && ` · ${soundTexts.take(file.take)}`}
        </p>
      </div>
      {file.kind === 'audio' && <Sounding token={token} file={file} />}
      {file.kind === 'image' && <img class="shared-picture" src={content} alt={file.name} />}
      {file.allows === 'download' && (
        <p>
          <a class="button" href={`${content}?download=true`} download="">
            {words.download} <span class="quiet small">{byteSize(file.size)}</span>
          </a>
        </p>
      )}
      {file.expiresAt !== null && <p class="quiet small">{words.until(exact(file.expiresAt))}</p>}
    </>
  )
}

/** What a link shows to people without an account, and nothing else. */
export function SharedView({ token }: { token: string }) {
  const [found, setFound] = useState<Found | null>(null)
  const show = (file: SharedFile) => setFound({ kind: 'file', file })
  useEffect(() => {
    const ask = () => client.call(shared.get, { params: { token } })
    return untilLoaded(ask, show, (error) => setFound(meaningOf(error)))
  }, [token])
  const title = found?.kind === 'file' ? found.file.name : firstTexts.name
  useEffect(() => {
    document.title = title === firstTexts.name ? title : `${title} · ${firstTexts.name}`
  }, [title])
  return (
    <main class="shared">
      <div class="shared-box stack">
        {found === null && <p class="skeleton shared-waits">{'\u00a0'}</p>}
        {found?.kind === 'file' && <Shown token={token} file={found.file} />}
        {found?.kind === 'password' && (
          <>
            <h1>{firstTexts.name}</h1>
            <Password token={token} onOpen={show} />
          </>
        )}
        {found?.kind === 'none' && (
          <>
            <h1>{found.title}</h1>
            <p>{found.text}</p>
          </>
        )}
      </div>
    </main>
  )
}
