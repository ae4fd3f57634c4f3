/** Errors of the emulated services, as the AWS SDKs read them. */
import type { ServerResponse } from 'node:http';

export class ServiceError extends Error {
  readonly status: number;

  /** @param name what the SDK gives the error that it throws, such as ValidationError */
  constructor(name: string, status: number, message: string) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

/** InvokeEndpointAsync calls it so. */
export const validationError = (message: string) => new ServiceError('ValidationError', 400, message);
/** DescribeEndpoint and its like call it so. */
export const validationException = (message: string) => new ServiceError('ValidationException', 400, message);

/** The header is how services that speak rest-json name an error, the body's `__type` how those do that speak json 1.1. */
export function sendError(response: ServerResponse, { name, status, message }: ServiceError): void {
  const body = JSON.stringify({ __type: name, message });
  response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': name }).end(body);
}
