import { icon } from './icons.tsx'

export const PlayIcon = icon(<path d="M7 5v14l12-7Z" fill="currentColor" />)
export const PauseIcon = icon(<path d="M8 5v14M16 5v14" stroke-width="4" />)
export const FileIcon = icon(<path d="M14 3H6v18h12V7ZM14 3v4h4" />)
export const MoreIcon = icon(<path d="M5 12h.01M12 12h.01M19 12h.01" stroke-width="3" />)
