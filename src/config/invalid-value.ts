// A setting's value that cannot be used. Becomes one line in the list of problems; it never leaves config/.

export class InvalidValue extends Error {
  override readonly name = 'InvalidValue'
}
