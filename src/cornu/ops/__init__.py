"""The vocabulary: operations on tensors, eager, traced and symbolic alike."""

from cornu.ops.ctc import *  # noqa: F403
from cornu.ops.nn import *  # noqa: F403
from cornu.ops.numpy import *  # noqa: F403
from cornu.ops.primitives.control import *  # noqa: F403
from cornu.ops.primitives.elementwise import *  # noqa: F403
from cornu.ops.primitives.indexing import *  # noqa: F403
from cornu.ops.primitives.linear import *  # noqa: F403
from cornu.ops.primitives.random import *  # noqa: F403
from cornu.ops.primitives.reductions import *  # noqa: F403
from cornu.ops.primitives.shapes import *  # noqa: F403
from cornu.ops.primitives.windows import *  # noqa: F403
