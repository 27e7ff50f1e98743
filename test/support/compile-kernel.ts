/** Once per project of a run that needs nothing else: the kernel of imports. */
export default async function compileKernel(): Promise<void> {
  const kernel = await import(new URL('../../bin/kernel.js', import.meta.url).href)
  await kernel.compileKernel()
}
