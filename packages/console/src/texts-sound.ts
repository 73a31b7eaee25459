import type { Cut, FileFailure, FileKind } from '@cutroom/client'

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

/** What is said about recordings and other files. It is loaded with the page of a cut, and with a shared one. */
export const soundTexts = {
  take: (n: number) => `Take ${n}`,
  current: 'current',
  open: 'Open',

  player: {
    empty: 'No recording yet',
    emptyText: 'Drop a file here, or choose one: a recording becomes take 1, with its waveform.',
    emptyRead: 'An editor can add a recording. It is heard here, with its waveform.',
  },

  files: {
    title: 'Takes and files',
    add: 'Add a file',
    drop: 'Drop the file to add it to this cut',
    kinds: { audio: 'Recording', stems: 'Stems', image: 'Picture', document: 'Document' } satisfies Record<FileKind, string>,
    statuses: { processing: 'Processing', failed: 'Not processed' },
    failures: {
      damaged: 'The file is damaged, or ends too early. Export it again and add it as a new take.',
      'too-long': 'The recording is longer than this server processes. It can still be downloaded.',
      'too-large': 'It is larger than this server processes. It can still be downloaded.',
      unsupported: 'This format is not understood here. WAV, FLAC, MP3, Ogg, Opus, AAC, AIFF and M4A are.',
      'timed-out': 'Processing took too long and was ended. It can still be downloaded.',
      'out-of-memory': 'Processing needed more memory than it may have. It can still be downloaded.',
    } satisfies Record<FileFailure, string>,
    listen: (name: string) => `Listen to ${name}`,
    heard: 'Shown above',
    more: (name: string) => `More about ${name}`,
    moreShort: 'More',
    none: 'No files yet.',
    carry: (threads: number, take: number) => `Carry ${count(threads, 'open thread')} to take ${take}`,
    carried: (n: number, take: number) => `${count(n, 'comment')} carried to take ${take}`,
  },

  upload: {
    title: 'Uploads',
    states: {
      waiting: 'Waiting for its turn, or for the network',
      sending: 'Sending',
      paused: 'Paused',
      done: 'Done',
      refused: 'Not added',
      cancelled: 'Cancelled',
    },
    progress: (name: string) => `Progress of ${name}`,
    sent: (sent: string, whole: string) => `${sent} of ${whole}`,
    pauseShort: 'Pause',
    pause: (name: string) => `Pause ${name}`,
    resumeShort: 'Go on',
    resume: (name: string) => `Go on with ${name}`,
    cancel: (name: string) => `Cancel ${name}`,
    interrupted: (percent: number) => `Interrupted at ${percent} %. Choose the same file again to go on.`,
    dismiss: (name: string) => `Dismiss ${name}`,
    added: (name: string) => `${name} was added`,
  },

  state: {
    names: { draft: 'Draft', review: 'In review', approved: 'Approved' } satisfies Record<Cut['state'], string>,
    approvedBy: (name: string, take: number) => `Approved: take ${take}, by ${name}`,
    submit: 'Send to review',
    approve: (take: number) => `Approve take ${take}`,
    draft: 'Back to draft',
    reopen: 'Back to review',
    newer: 'A newer take came in the meantime. Listen to it, then approve that one.',
  },

  comment: {
    to: 'To',
    beyond: (end: string) => `The recording ends at ${end}`,
    takeAt: (at: string) => `At ${at}`,
    takeTo: (at: string) => `To ${at}`,
    toWrong: 'The end comes after the beginning, like 1:10',
    on: (name: string) => `on ${name}`,
    goTo: (at: string) => `Go to ${at}`,
  },

  share: 'Share',
}
