import type { Cut, File } from '@cutroom/client'
import { useMemo, useState } from 'preact/hooks'
import { byteSize } from '../lib/bytes.ts'
import { useCell } from '../lib/cell.ts'
import { carryAll, downloadUrl, failureOf, soundOf, takesOf, thumbnailUrl, uncarried } from '../lib/cut-files.ts'
import { lazy } from '../lib/lazy.tsx'
import type { Player } from '../lib/player.ts'
import { useMay, useRoomValue } from '../lib/room.ts'
import { mediaTime } from '../lib/time.ts'
import { soundTexts } from '../texts-sound.ts'
import { Ago } from './face.tsx'
import { FileIcon, MoreIcon, PlayIcon } from './sound-icons.tsx'
import { AddFiles, UploadList } from './uploads.tsx'
import { UsageLine } from './usage.tsx'

const words = soundTexts.files
const FileDialog = lazy(() => import('../views/file-dialog.tsx').then(({ FileDialog }) => FileDialog), null)
const SharesDialog = lazy(() => import('../views/shares.tsx').then(({ SharesDialog }) => SharesDialog), null)

/** Open threads of older takes come along to the current one. */
function Carry({ cutId, takes }: { cutId: string; takes: readonly File[] }) {
  const mayEdit = useMay('editor')
  const [isBusy, setBusy] = useState(false)
  const [newest, ...older] = takes
  const left = useRoomValue(({ state }) => (state && newest ? uncarried(state, cutId, newest, older) : []), [cutId, takes])
  const threads = left.reduce((sum, { n }) => sum + n, 0)
  if (!mayEdit || !newest || threads === 0) return null
  return (
    <button
      type="button"
      class="button tight"
      disabled={isBusy}
      onClick={async () => {
        setBusy(true)
        await carryAll(newest, left.map(({ from }) => from).reverse())
        setBusy(false)
      }}
    >
      {words.carry(threads, newest.take ?? 0)}
    </button>
  )
}

function Row(props: { file: File; isCurrent: boolean; player: Player; onMore: (id: string) => void }) {
  const { file, player, onMore } = props
  const shown = useCell(player.sound)
  const name = file.take === null ? file.name : soundTexts.take(file.take)
  const reason = failureOf(file)
  return (
    <li class="file-row">
      {file.kind === 'image' && file.status === 'ready' ? (
        <img src={thumbnailUrl(file)} alt="" width={36} height={36} loading="lazy" />
      ) : file.kind === 'audio' ? (
        <button
          type="button"
          class="icon-button"
          aria-label={words.listen(name)}
          aria-pressed={shown?.id === file.id}
          title={shown?.id === file.id ? words.heard : undefined}
          onClick={() => player.show(soundOf(file))}
        >
          <PlayIcon />
        </button>
      ) : (
        <span class="file-icon quiet">
          <FileIcon />
        </span>
      )}
      <div class="grow">
        <p class="row">
          {file.take === null ? (
            <a class="clip" href={downloadUrl(file)} download={file.name} title={file.name} dir="auto">
              {file.name}
            </a>
          ) : (
            <>
              <strong>{name}</strong>
              {props.isCurrent && <span class="chip">{soundTexts.current}</span>}
              <span class="clip quiet small" title={file.name} dir="auto">
                {file.name}
              </span>
            </>
          )}
        </p>
        <p class="quiet small">
          <bdi>{file.audio ? mediaTime(file.audio.durationMs) : words.kinds[file.kind]}</bdi> · <bdi>{byteSize(file.size)}</bdi> ·{' '}
          <bdi>{file.author.name}</bdi> · <Ago at={file.createdAt} />
        </p>
        {reason !== null && <p class="warn small">{reason}</p>}
      </div>
      {file.status !== 'ready' && (
        <span class={`chip${file.status === 'failed' ? ' warn' : ''}`}>{words.statuses[file.status]}</span>
      )}
      <button type="button" class="icon-button" aria-label={words.more(name)} onClick={() => onMore(file.id)}>
        <MoreIcon />
      </button>
    </li>
  )
}

/** The takes of a cut, newest first, what lies beside them, and what is on its way. */
export function FilesPanel({ cut, files, player }: { cut: Cut; files: readonly File[]; player: Player }) {
  const mayEdit = useMay('editor')
  const takes = useMemo(() => takesOf(files), [files])
  const others = useMemo(() => files.filter(({ take }) => take === null), [files])
  const [openId, setOpenId] = useState<string | null>(null)
  const [isSharing, setSharing] = useState(false)
  const open = files.find(({ id }) => id === openId)
  const row = (file: File) => <Row key={file.id} file={file} isCurrent={file === takes[0]} player={player} onMore={setOpenId} />
  return (
    <section class="panel files" aria-label={words.title}>
      <div class="row wrap">
        <h2 class="grow">{words.title}</h2>
        {mayEdit && takes.length > 0 && (
          <button type="button" class="button" onClick={() => setSharing(true)}>
            {soundTexts.share}
          </button>
        )}
        {mayEdit && <AddFiles cutId={cut.id} />}
      </div>
      <UploadList cutId={cut.id} />
      <Carry cutId={cut.id} takes={takes} />
      {files.length === 0 && <p class="quiet">{words.none}</p>}
      {takes.length > 0 && <ul>{takes.map(row)}</ul>}
      {others.length > 0 && <ul>{others.map(row)}</ul>}
      <UsageLine projectId={cut.projectId} again={files.length} />
      {open && <FileDialog file={open} onClose={() => setOpenId(null)} />}
      {isSharing && <SharesDialog of={{ kind: 'cut', id: cut.id }} name={cut.name} onClose={() => setSharing(false)} />}
    </section>
  )
}
