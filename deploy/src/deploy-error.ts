/** What a person can do something about: printed without a stack trace. */
export class DeployError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DeployError';
    this.hint = hint;
  }
}
