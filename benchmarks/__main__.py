"""Run all benchmarks, the short ones first."""

from benchmarks import first_step, handwritten_mlp, import_time

for module in (import_time, first_step, handwritten_mlp):
    print(f"\n{(module.__doc__ or '').splitlines()[0]}")
    module.main()
