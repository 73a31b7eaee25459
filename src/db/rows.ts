import type { Comment, Cut, Lyrics, Member, Project, Room, Session, Task, User, Vibe } from './generated/client.ts'

/** Whole rows by table, for those who make one. Columns that only the database fills are not theirs to name. */
export interface Rows {
  User: User
  Session: Omit<Session, 'revokedAt' | 'revokedFor'>
  Project: Omit<Project, 'deletedAt'>
  Member: Member
  Task: Task
  Vibe: Vibe
  Cut: Cut
  Lyrics: Pick<Lyrics, 'cutId' | 'projectId' | 'version' | 'updatedAt'>
  Comment: Comment
  Room: Pick<Room, 'id'>
}
