import type { Client, ClientDuplexStream } from '@grpc/grpc-js';

/** As in the v3 adapter: a page never waits for the window. */
const WINDOW = 16 * 1024 * 1024;

const same = (bytes: Buffer): Buffer => bytes;

/** `@grpc/grpc-js` with nothing above it: messages as bytes. */
export class GrpcPeer {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async connect(endpoint: string): Promise<GrpcPeer> {
    // Imported where it is used, so that a side's heap holds no peer but its own.
    const { Client, credentials } = await import('@grpc/grpc-js');
    const client = new Client(new URL(endpoint).host, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc-node.flow_control_window': WINDOW,
      'grpc.use_local_subchannel_pool': 1,
    });
    return new GrpcPeer(client);
  }

  unary(method: 'Range' | 'Put' | 'Txn', request: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(`/etcdserverpb.KV/${method}`, same, same, request, (error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error('etcd sent no answer'));
      });
    });
  }

  watch(request: Buffer, onMessage: (message: Buffer) => void): ClientDuplexStream<Buffer, Buffer> {
    const call = this.#client.makeBidiStreamRequest('/etcdserverpb.Watch/Watch', same, same);
    call.on('data', onMessage);
    // Cancelled at the end of the measurement, which is an error to grpc-js; a failure before shows as missing events.
    call.on('error', () => undefined);
    call.write(request);
    return call;
  }

  close(): void {
    this.#client.close();
  }
}
