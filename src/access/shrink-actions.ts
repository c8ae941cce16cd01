// What is left of a grant that is shrunk to what it was used for. It never gains an action, and everything that it was
// used for still works. A client that pushes, moves a tag, deletes or decides looks first, and so needs pull whether or
// not that ever counted as used; a moved tag needs the push of what it then points to.
// `admin` is like any other action: it stays when it was used, and goes when it was not, because a right to give rights
// that nobody uses is what a review is for. Either way it is told: in what is answered, and in the audit log.
import { sortActions, type GrantedAction } from '../auth/action.ts'

const needs: Readonly<Record<GrantedAction, readonly GrantedAction[]>> = {
  pull: [],
  push: ['pull'],
  overwrite: ['pull', 'push'],
  delete: ['pull'],
  decide: ['pull'],
  admin: [],
}

/** None when it was never used. */
export function shrunkActions(
  granted: readonly GrantedAction[],
  used: readonly GrantedAction[],
): readonly GrantedAction[] {
  const kept = used.filter((action) => granted.includes(action))
  const needed = kept.flatMap((action) => needs[action])
  return sortActions([...kept, ...needed.filter((action) => granted.includes(action))])
}

/** Whether shrinking would take anything away. False for a grant that was never used: that is to be removed instead. */
export function isBroaderThanUsed(
  granted: readonly GrantedAction[],
  used: readonly GrantedAction[],
): boolean {
  const left = shrunkActions(granted, used)
  return left.length > 0 && left.length < granted.length
}
