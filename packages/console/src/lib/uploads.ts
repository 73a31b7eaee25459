import type { InterruptedUpload, Upload } from '@cutroom/client'
import { soundTexts } from '../texts-sound.ts'
import { createCell, useCell } from './cell.ts'
import { addAhead } from './lazy.tsx'
import { announce } from './say.ts'
import { client } from './session.ts'
import { useSelected } from './use-selected.ts'

// what the client loads with its first upload: browsers that remember a failed import would wait for ever
addAhead(() => import('../../../client/src/upload-engine.ts'))

/** Uploads that were begun in this tab, until they are there or were dismissed: refused ones stay, with the reason. */
const begun = createCell<readonly Upload[]>([])

export const dismissUpload = (upload: Upload): void => {
  begun.value = begun.value.filter((one) => one !== upload)
}

/** Sends files to a cut. What each becomes, its content says. */
export function uploadTo(cutId: string, files: Iterable<File>): void {
  for (const file of files) {
    const upload = client.upload({ cutId, file })
    begun.value = [...begun.value, upload]
    upload.done.then(
      ({ name }) => {
        dismissUpload(upload)
        announce(soundTexts.upload.added(name))
      },
      () => {
        // a refused one is drawn with its reason
        if (upload.value.state !== 'refused') dismissUpload(upload)
      },
    )
  }
}

export const useUploads = (cutId: string): readonly Upload[] => useCell(begun).filter((upload) => upload.cutId === cutId)

const nothing: readonly InterruptedUpload[] = []
/** Those that a reload has cut off. */
export const useInterrupted = (cutId: string): readonly InterruptedUpload[] => {
  const all = useSelected(() => client.select(({ uploads }) => uploads.interrupted), [])
  return all.length === 0 ? nothing : all.filter((upload) => upload.cutId === cutId)
}
