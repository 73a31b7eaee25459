import { icon } from './icons.tsx'

export const SendIcon = icon(<path d="M4 12 20 4l-5 16-3.5-6.5L4 12ZM11.5 13.5 20 4" />)
export const EditIcon = icon(<path d="M4 20h4L19 9l-4-4L4 16v4ZM13 7l4 4" />)
export const DeleteIcon = icon(<path d="M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13" />)
export const BackIcon = icon(<path d="M19 12H5M11 6l-6 6 6 6" />)
