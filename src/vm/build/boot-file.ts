/** `boot.json`: how an image is booted, for `run-qemu` and for other ways to boot it. */
export interface BootFile {
  /** Files of the image. */
  readonly kernel: string;
  readonly initramfs: string;
  /** Read-only virtio disks, in order. */
  readonly disks: readonly string[];
  /** Of the kernel; the guest's own options are among it: `ipv4=46.43.42.137/25 ipv4-gateway=46.43.42.129`. */
  readonly commandLine: string;
  readonly kernelRelease: string;
  /** Megabytes. */
  readonly memory: number;
}
