/** What is said where a recording is played: see texts.ts. */
export const playerTexts = {
  title: 'Player',
  play: 'Play',
  pause: 'Pause',
  position: 'Position',
  of: (at: string, whole: string) => `${at} of ${whole}`,
  range: (from: string, to: string) => `Range ${from} to ${to}`,
  clear: 'Clear the range',
  compare: 'Compare with',
  compareNone: 'No other take',
  swap: (name: string) => `Switch to ${name}`,
  swapped: (name: string, at: string) => `${name}, at ${at}`,
  processing: 'Being processed: the waveform comes in a moment.',
  failed: 'The recording could not be loaded or played. Press Play to try again.',
  failedDownload: 'The recording could not be loaded or played. Press Play to try again, or download it.',
  waveFailed: 'The waveform could not be loaded.',
  marker: (name: string, at: string) => `Comment by ${name} at ${at}`,
}
