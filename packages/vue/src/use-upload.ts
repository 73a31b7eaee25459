import type { Upload, UploadArgs, UploadStatus } from '@cutroom/client'
import { type ShallowRef, shallowRef, watch } from 'vue'
import { useClient } from './provide.ts'

/**
 * An upload of this component: `upload({ cutId, file })` begins one and makes it the one that is shown. It goes on when the component
 * unmounts; `useSelect(client, (client) => client.uploads)` has all of them.
 *
 * @returns status: how the last one stands, null before the first · current: to pause, resume and cancel it
 */
export function useUpload(): {
  upload: (args: UploadArgs) => Upload
  current: Readonly<ShallowRef<Upload | null>>
  status: Readonly<ShallowRef<UploadStatus | null>>
} {
  const client = useClient()
  const current = shallowRef<Upload | null>(null)
  const status = shallowRef<UploadStatus | null>(null)
  watch(
    current,
    (begun, _, onCleanup) => {
      status.value = begun?.value ?? null
      if (!begun) return
      onCleanup(
        begun.subscribe(() => {
          status.value = begun.value
        }),
      )
    },
    { flush: 'sync' },
  )
  function upload(args: UploadArgs): Upload {
    const begun = client.upload(args)
    current.value = begun
    return begun
  }
  return { upload, current, status }
}
