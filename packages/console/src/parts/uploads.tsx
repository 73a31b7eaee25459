import type { Upload } from '@cutroom/client'
import { useRef, useState } from 'preact/hooks'
import { byteSize } from '../lib/bytes.ts'
import { complain } from '../lib/room.ts'
import { problemText } from '../lib/session.ts'
import { dismissUpload, uploadTo, useInterrupted, useUploads } from '../lib/uploads.ts'
import { useSelected } from '../lib/use-selected.ts'
import { texts } from '../texts.ts'
import { soundTexts } from '../texts-sound.ts'
import { PlusIcon } from './icons.tsx'

const words = soundTexts.upload

function UploadRow({ upload }: { upload: Upload }) {
  const { state, sentBytes, totalBytes, problem } = useSelected(() => upload, [upload])
  const { name } = upload
  const button = (text: string, label: string, onClick: () => void) => (
    <button type="button" class="button tight" aria-label={label} onClick={onClick}>
      {text}
    </button>
  )
  return (
    <li class="upload">
      <div class="row wrap">
        <span class="grow clip" title={name} dir="auto">
          {name}
        </span>
        <span class="quiet small">{words.states[state]}</span>
        {(state === 'sending' || state === 'waiting') && button(words.pauseShort, words.pause(name), () => upload.pause())}
        {state === 'paused' && button(words.resumeShort, words.resume(name), () => upload.resume())}
        {state === 'refused'
          ? button(texts.dismiss, words.dismiss(name), () => dismissUpload(upload))
          : button(texts.cancel, words.cancel(name), () => void upload.cancel().catch(complain))}
      </div>
      {state === 'refused' ? (
        <p class="note bad small" role="alert">
          {problem && problemText(problem)}
        </p>
      ) : (
        <div class="row small quiet">
          <progress class="grow" aria-label={words.progress(name)} max={totalBytes} value={sentBytes} />
          {words.sent(byteSize(sentBytes), byteSize(totalBytes))}
        </div>
      )}
    </li>
  )
}

/** Files on their way to a cut, and those that a reload has cut off. */
export function UploadList({ cutId }: { cutId: string }) {
  const uploads = useUploads(cutId)
  const interrupted = useInterrupted(cutId)
  if (uploads.length + interrupted.length === 0) return null
  return (
    <ul class="uploads" aria-label={words.title}>
      {uploads.map((upload, n) => (
        <UploadRow key={n} upload={upload} />
      ))}
      {interrupted.map((upload) => (
        <li key={upload.at} class="upload">
          <div class="row wrap">
            <span class="grow clip" title={upload.name} dir="auto">
              {upload.name}
            </span>
            <span class="quiet small">
              {words.interrupted(Math.floor((upload.sentBytes / Math.max(upload.totalBytes, 1)) * 100))}
            </span>
            <button
              type="button"
              class="button tight"
              aria-label={words.cancel(upload.name)}
              onClick={() => void upload.discard().catch(complain)}
            >
              {texts.discard}
            </button>
          </div>
        </li>
      ))}
    </ul>
  )
}

/** A button that asks for files. */
export function AddFiles({ cutId }: { cutId: string }) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        aria-label={soundTexts.files.add}
        onChange={({ currentTarget }) => {
          uploadTo(cutId, [...(currentTarget.files ?? [])])
          // the same file again is a change, too
          currentTarget.value = ''
        }}
      />
      <button type="button" class="button" onClick={() => input.current?.click()}>
        <PlusIcon />
        {soundTexts.files.add}
      </button>
    </>
  )
}

const hasFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes('Files') ?? false

/** Takes files that are dropped on what it is given to. @returns whether some are above it, and the listeners */
export function useDropFiles(cutId: string, isOn: boolean) {
  const [isOver, setOver] = useState(false)
  return {
    isOver: isOver && isOn,
    onDragOver(event: DragEvent) {
      if (!hasFiles(event)) return
      // without this the browser leaves the page and shows the file
      event.preventDefault()
      if (event.dataTransfer) event.dataTransfer.dropEffect = isOn ? 'copy' : 'none'
      setOver(true)
    },
    onDragLeave(event: DragEvent) {
      const { currentTarget, relatedTarget } = event
      if (!(relatedTarget instanceof Node && (currentTarget as Node).contains(relatedTarget))) setOver(false)
    },
    onDrop(event: DragEvent) {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(false)
      if (isOn) uploadTo(cutId, [...(event.dataTransfer?.files ?? [])])
    },
  }
}
