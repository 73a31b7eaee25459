import type { ComponentChildren } from 'preact'

/** An icon of 24 by 24 units, drawn by lines. */
export const icon = (drawing: ComponentChildren) => () => (
  <svg
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="2"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    {drawing}
  </svg>
)

export const LogoIcon = icon(<path d="M4 10v4M9 6v12M14 9v6M19 4v16" stroke-width="2.5" />)
export const BoardIcon = icon(<path d="M4 4h4v16H4zM10 4h4v10h-4zM16 4h4v13h-4z" />)
export const CutsIcon = icon(<path d="M9 18V5l11-2v12M9 18a3 3 0 1 1-6 0 3 3 0 0 1 6 0ZM20 15a3 3 0 1 1-6 0 3 3 0 0 1 6 0Z" />)
export const PeopleIcon = icon(
  <path d="M16 20v-1a4 4 0 0 0-4-4H6a4 4 0 0 0-4 4v1M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM22 20v-1a4 4 0 0 0-3-3.9M16 3.1a4 4 0 0 1 0 7.8" />,
)
export const SettingsIcon = icon(<path d="M4 7h9M19 7h1M4 17h1M11 17h9M16 4v6M8 14v6" />)
export const InspectIcon = icon(<path d="M3 12h4l3-8 4 16 3-8h4" />)
export const PlusIcon = icon(<path d="M12 5v14M5 12h14" />)
export const CloseIcon = icon(<path d="M6 6l12 12M18 6 6 18" />)
export const MoveIcon = icon(<path d="M7 4 3 8l4 4M3 8h14M17 12l4 4-4 4M21 16H7" />)
export const CheckIcon = icon(<path d="m5 13 4 4L19 7" />)
export const CommentIcon = icon(<path d="M21 12a8 8 0 0 1-11.6 7.1L4 20l1-4.6A8 8 0 1 1 21 12Z" />)
export const MeIcon = icon(<path d="M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4 21a8 8 0 0 1 16 0" />)
