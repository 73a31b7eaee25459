import { icon } from './icons.tsx'

// what only those see who are signed in: the icons beside this file are in the first load
export const BellIcon = icon(<path d="M6 9a6 6 0 0 1 12 0c0 6 2.5 7.5 2.5 7.5h-17S6 15 6 9ZM10 20.5a2.2 2.2 0 0 0 4 0" />)
export const SearchIcon = icon(<path d="M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.2 15.2 20 20" />)
export const ActivityIcon = icon(<path d="M12 7v5l3.5 2M4.6 7A9 9 0 1 1 3 12M3 4v4h4" />)
export const UndoIcon = icon(<path d="M4 9h10a5.5 5.5 0 0 1 0 11H9M8 5 4 9l4 4" />)
export const ChatIcon = icon(<path d="M4 5h16v11H10l-5 4v-4H4V5ZM8 9h8M8 12h5" />)
