import { checkEtcdOptions } from './check-etcd-options.js';
import { EtcdCluster } from './etcd-cluster.js';
import { findEtcd } from './etcd-binary.js';
import { EtcdCrashedError } from './etcd-member.js';
import type { Etcd } from './etcd.js';
import type { StartEtcdOptions } from './etcd-options.js';

const MAX_PORT_CHOICES = 5;

/**
 * Starts a real etcd on free loopback ports with data of its own in the temporary folder, and resolves when it serves.
 * It is gone, data included, after `close()`, and also when this process ends without calling it.
 */
export async function startEtcd(options: StartEtcdOptions = {}): Promise<Etcd> {
  checkEtcdOptions(options);
  if (options.dataDir !== undefined && options.nodes === 3) {
    throw new Error(
      'startEtcd: dataDir is for one member; members of three find each other by ports that changed. Use useData().',
    );
  }
  const { bin, version } = options;
  const binary = findEtcd({ bin, version });
  for (let choice = 1; ; choice += 1) {
    const etcd = await EtcdCluster.create(binary, options);
    try {
      await etcd.begin();
      return etcd;
    } catch (error) {
      await etcd.close();
      // Ports are reserved among test processes only: something else may have been quicker.
      if (!(error instanceof EtcdCrashedError && error.portTaken) || choice === MAX_PORT_CHOICES) throw error;
    }
  }
}
