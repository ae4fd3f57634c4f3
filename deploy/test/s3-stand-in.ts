import type { IncomingMessage } from 'node:http';
import type { Answer } from './aws-stand-in.ts';

/** One bucket's worth of S3: sizes of objects by key. */
export class S3StandIn {
  readonly objects = new Map<string, number>();
  /** of every object that was written, in order */
  readonly written: string[] = [];
  isDeleted = false;

  answer({ method = '', url = '', headers }: IncomingMessage, body: string): Answer {
    const { pathname, searchParams } = new URL(url, 'http://s3');
    const key = decodeURIComponent(pathname.split('/').slice(2).join('/'));
    if (method === 'PUT' && key !== '') {
      const bytes = Number(headers['x-amz-decoded-content-length'] ?? headers['content-length']);
      this.objects.set(key, bytes);
      this.written.push(key);
      return { status: 200, body: '' };
    }
    if (method === 'GET' && searchParams.has('list-type')) return this.#list(searchParams.get('prefix') ?? '');
    if (method === 'GET' && searchParams.has('uploads')) return xml('ListMultipartUploadsResult', '');
    if (method === 'POST' && searchParams.has('delete')) {
      for (const [, deleted = ''] of body.matchAll(/<Key>([^<]+)<\/Key>/g)) this.objects.delete(deleted);
      return xml('DeleteResult', '');
    }
    if (method === 'DELETE' && key === '') {
      if (this.objects.size > 0) return { status: 409, body: '<Error><Code>BucketNotEmpty</Code></Error>' };
      this.isDeleted = true;
      return { status: 204, body: '' };
    }
    return { status: 501, body: `${method} ${url}` };
  }

  /** Two to a page would do; lists are short here. */
  #list(prefix: string): Answer {
    const found = [...this.objects].filter(([key]) => key.startsWith(prefix));
    const contents = found.map(([key, bytes]) => `<Contents><Key>${key}</Key><Size>${bytes}</Size></Contents>`);
    return xml('ListBucketResult', `<IsTruncated>false</IsTruncated>${contents.join('')}`);
  }
}

const xml = (root: string, content: string): Answer => ({ status: 200, body: `<${root}>${content}</${root}>` });
